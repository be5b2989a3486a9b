"""What an adapter implements: one protocol per kind of backend, and the factory that makes them."""
