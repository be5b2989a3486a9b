"""Acme Vault behind the ports of mlops-core: a model registry and an experiment tracker."""
