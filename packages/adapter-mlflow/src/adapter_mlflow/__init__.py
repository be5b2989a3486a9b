"""The adapter ``mlflow``: a model registry and an experiment tracker on an MLflow server."""
