"""Plugins that attack their host, one for each case of a numbered catalogue, and what must come of each.

The case `test_05_...` loads `plugins/05_*`: its number is its name. Each test runs twice, with a host that is root and
with one that is an ordinary user, and each host is a process of its own (`hosting.py`), so that a host that crashes or
hangs is a failed test and not the end of all tests. Around every test (`stage.py`) a sibling plugin of the same host is
called all the time and must be served, and afterwards nothing may be left: no descriptors, memory files, cgroups,
processes, zombies or temporary files (`leaks.py`). `test_harness.py` shows that these checks do fail.
"""
