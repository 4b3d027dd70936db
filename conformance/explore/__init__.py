"""Exhaustive search: every state that a specification can reach within small bounds."""
