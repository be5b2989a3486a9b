"""The backend ``memory``: plain dictionaries under a lock, gone with the process.

It keeps every promise of the ports in the most obvious way and shares no algorithm with the other stores: so it is what
the state machines of ``mlops_core.testing`` compare an adapter with, and a stand-in for tests that need a backend.
"""
