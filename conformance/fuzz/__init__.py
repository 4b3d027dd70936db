"""Stateful fuzzing: scenarios are made by moving the model, then replayed on an implementation."""
