"""What plugins ask of the host while they run: progress, a scratch store, files, events, calls, HTTP, commands.

One question has one form, whether it comes from this process (`bridge`) or over a worker's socket (`server`); who may
ask what, and what is answered, is decided in `dispatch` alone.
"""
