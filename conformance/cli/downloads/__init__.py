"""What ``bgfetch download`` is made of.

``planning``   what is wanted: URLs, names, checksums; kept beside the store
``taking``     from finished records to files
``control``    how another process reaches the one that downloads
``views``      what is shown meanwhile: bars, lines, or JSON
``keys``       single keys, while a terminal is there
``running``    all of it, around one engine
"""
