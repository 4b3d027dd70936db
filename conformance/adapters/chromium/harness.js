// What a page and the service worker run: the same file in both.
//
// It connects to the adapter's switchboard over one WebSocket (order is kept, and the
// switchboard sees when the realm ends), makes the calls it is told to make, and pushes
// what it sees.  It knows no scenario and no expectation.
//
// Names.  Identity is observed, not assumed: a WeakMap goes from an object to its name,
// so the same object always has the same name and a different one never has it.  Names
// start with a prefix that the switchboard hands out, one for each realm that ever
// lived; until it has come nothing is written.  A name is therefore an object that is
// turned into text at the last moment.
"use strict";
(() => {
  const inWorker = typeof ServiceWorkerGlobalScope !== "undefined";
  const settings = new URL(inWorker ? self.location.href : document.currentScript.dataset.settings, self.location.href).searchParams;
  const TEXT_LIMIT = 65536;

  // --- the line to the switchboard --------------------------------------------------

  let prefix = null;
  const waiting = [];
  let line = null;

  const write = (message) => {
    if (prefix === null) waiting.push(message);
    else if (line.readyState === WebSocket.OPEN) line.send(JSON.stringify(message));
  };

  const connect = () => {
    line = new WebSocket(`ws://127.0.0.1:${settings.get("port")}/${settings.get("realm")}`);
    line.onmessage = (message) => {
      const command = JSON.parse(message.data);
      if (prefix === null) {
        prefix = command.prefix;
        waiting.splice(0).forEach(write);
      } else {
        obey(command);
      }
    };
  };

  // --- names ------------------------------------------------------------------------

  const counts = {};
  const nameOf = new WeakMap();
  const objectOf = new Map();

  const name = (object, kind) => {
    if (!nameOf.has(object)) {
      counts[kind] = (counts[kind] || 0) + 1;
      const local = kind + counts[kind];
      nameOf.set(object, { toJSON: () => prefix + local });
      objectOf.set(local, object);
    }
    return nameOf.get(object);
  };

  const object = (text) => {
    const found = objectOf.get(text.slice(prefix.length));
    if (found === undefined) throw new Error(`no object here is named ${text}`);
    return found;
  };

  // --- what is seen -----------------------------------------------------------------

  const snapshot = (registration) => ({
    id: registration.id,
    uploadTotal: registration.uploadTotal,
    uploaded: registration.uploaded,
    downloadTotal: registration.downloadTotal,
    downloaded: registration.downloaded,
    result: registration.result,
    failureReason: registration.failureReason,
    recordsAvailable: registration.recordsAvailable,
  });

  const instance = (registration) => {
    const known = nameOf.has(registration);
    const its = name(registration, "i");
    if (!known) {
      registration.addEventListener("progress", () =>
        write({ observation: "progress", instance: its, snapshot: snapshot(registration) }));
    }
    return its;
  };

  const records = (list) => list.map((record) => ({
    record: name(record, "r"), url: record.request.url, method: record.request.method,
  }));

  const nothing = () => ({});
  const anInstance = (registration) => (registration === undefined ? {}
    : { instance: instance(registration), snapshot: snapshot(registration) });

  // Makes the call now; its outcome is pushed when it settles.
  const settle = (call, make, describe) => {
    let promise;
    try {
      promise = make();
    } catch (error) {
      promise = Promise.reject(error);
    }
    Promise.resolve(promise).then(
      (value) => write({ observation: "settled", call, ...describe(value) }),
      (error) => write({ observation: "settled", call, error: error.name }));
  };

  // --- the calls --------------------------------------------------------------------

  let registration = inWorker ? self.registration : null;
  const endings = new Map();

  const request = (init) => {
    const { url, method = "GET", headers = {}, body = null, mode = "cors" } = init;
    const plain = method === "GET" && body === null && mode === "cors" && Object.keys(headers).length === 0;
    return plain ? url : new Request(url, { method, headers, mode, ...(body === null ? {} : { body }) });
  };

  const visible = (command) => Object.fromEntries(["title", "icons"]
    .filter((key) => command[key] !== undefined && command[key] !== null).map((key) => [key, command[key]]));

  const query = (command) => {
    const options = command.options || {};
    if (command.url === undefined || command.url === null) {
      return Object.keys(options).length === 0 ? [] : [undefined, options];
    }
    const { method = "GET" } = command;
    return [method === "GET" ? command.url : new Request(command.url, { method }), options];
  };

  const read = async (record, its) => {
    let response;
    try {
      response = (await record.responseReady).clone();
    } catch (error) {
      write({ observation: "ready", record: its, error: error.name });
      return;
    }
    write({ observation: "ready", record: its, status: response.status, headers: Object.fromEntries(response.headers) });
    const chunks = [];
    let length = 0;
    try {
      for (const reader = response.body?.getReader(); reader;) {
        const { done, value } = await reader.read();
        if (done) break;
        chunks.push(value);
        length += value.length;
        write({ observation: "received", record: its, length });
      }
    } catch (error) {
      write({ observation: "body", record: its, length, error: error.name });
      return;
    }
    write({ observation: "body", record: its, length, ...(await content(chunks, length)) });
  };

  const content = async (chunks, length) => {
    const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
    if (length <= TEXT_LIMIT) {
      return { text: Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") };
    }
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return { sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  };

  const synthesize = (command) => {
    const init = command.instance ? { registration: object(command.instance) } : {};
    return new BackgroundFetchUpdateUIEvent(command.name, init);
  };

  const syncs = (command) => {
    const manager = command.api === "periodic-sync" ? registration.periodicSync : registration.sync;
    if (command.unregister) return manager.unregister(command.tag);
    return command.api === "periodic-sync"
      ? manager.register(command.tag, { minInterval: (command.min_interval ?? 0) * 1000 })
      : manager.register(command.tag);
  };

  const commands = {
    fetch: (c) => settle(c.call, () => registration.backgroundFetch.fetch(c.id, c.requests.map(request),
      { ...visible(c), ...(c.download_total ? { downloadTotal: c.download_total } : {}) }), anInstance),
    get: (c) => settle(c.call, () => registration.backgroundFetch.get(c.id), anInstance),
    get_ids: (c) => settle(c.call, () => registration.backgroundFetch.getIds(), (strings) => ({ strings })),
    abort: (c) => settle(c.call, () => object(c.instance).abort(), (boolean) => ({ boolean })),
    match_all: (c) => settle(c.call, () => object(c.instance).matchAll(...query(c)),
      (list) => ({ records: records(list) })),
    match: (c) => settle(c.call, () => object(c.instance).match(...query(c)),
      (record) => (record === undefined ? {} : { records: records([record]) })),
    read: (c) => { read(object(c.record), nameOf.get(object(c.record))); },
    update_ui: (c) => settle(c.call, () => object(c.event).updateUI(visible(c)), nothing),
    end_event: (c) => endings.get(object(c.event))[c.outcome || "resolve"](),
    synthesize: (c) => settle(c.call, () => synthesize(c), (event) => ({ event: name(event, "e") })),
    look: (c) => ({ snapshot: snapshot(object(c.instance)) }),
    cache_put: (c) => settle(c.call, async () => {
      const record = object(c.record);
      await (await caches.open(c.cache)).put(record.request, await record.responseReady);
    }, nothing),
    cache_keys: (c) => settle(c.call, async () => (await (await caches.open(c.cache)).keys()).map((key) => key.url),
      (strings) => ({ strings })),
    unregister: (c) => settle(c.call, () => registration.unregister(), (boolean) => ({ boolean })),
    sync_register: (c) => settle(c.call, () => syncs(c), nothing),
    sync_get_tags: (c) => settle(c.call, () => registration.sync.getTags(), (strings) => ({ strings })),
    // Not of the protocol: start a sleeping worker; end a scenario.
    wake: () => { registration.active.postMessage("wake"); },
    leave: async (c) => {
      try {
        for (const id of await registration.backgroundFetch.getIds()) {
          await (await registration.backgroundFetch.get(id))?.abort();
        }
      } finally {
        await registration.unregister();
        write({ observation: "answer", seq: c.seq });
      }
    },
  };

  const obey = (command) => {
    try {
      const answer = commands[command.command](command);
      if (command.command !== "leave") write({ observation: "answer", seq: command.seq || 0, ...answer });
    } catch (error) {
      write({ observation: "answer", seq: command.seq || 0, unsupported: `${error.name}: ${error.message}` });
    }
  };

  // --- the worker: events stay active until the judge ends them -----------------------

  const held = (event) => {
    event.waitUntil(new Promise((resolve, reject) => endings.set(event, { resolve, reject })));
    const subject = event.registration;
    write({
      observation: "event",
      event: name(event, "e"),
      name: event.type,
      ...(subject ? anInstance(subject) : {}),
      can_update_ui: typeof event.updateUI === "function",
      ...(event.tag === undefined ? {} : { tag: event.tag }),
      ...(event.lastChance === undefined ? {} : { last_chance: event.lastChance }),
      ...(event.type === "push" && event.data ? { data: event.data.text() } : {}),
    });
  };

  if (inWorker) {
    self.addEventListener("install", () => self.skipWaiting());
    self.addEventListener("message", () => {}); // a page wakes the worker so
    for (const type of settings.get("listen").split(",").filter(Boolean)) self.addEventListener(type, held);
    connect();
    return;
  }

  // --- the page: ready once it has a registration with an active worker ---------------

  const ready = async () => {
    const scope = settings.get("scope");
    registration = await navigator.serviceWorker.getRegistration(scope)
      || await navigator.serviceWorker.register(settings.get("worker"), { scope });
    const worker = registration.installing || registration.waiting || registration.active;
    if (worker.state !== "activated") {
      await new Promise((resolve) => worker.addEventListener("statechange",
        () => { if (worker.state === "activated") resolve(); }));
    }
  };
  ready().catch((error) => write({ observation: "log", text: `not ready: ${error.name}: ${error.message}` }))
    .then(connect);
})();
