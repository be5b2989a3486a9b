"""The stranger's package is tested where it is installed alone: see test_acme_adapter.py."""

collect_ignore = ["acme-adapter"]
