"""Self-contained HTML pages about a trained version and about a scoring run."""
