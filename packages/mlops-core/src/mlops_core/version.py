"""The version of this library; the package's metadata say the same."""

__version__ = "1.0.0"
