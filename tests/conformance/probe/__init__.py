"""How the conformance tests ask: a client that keeps what it was told, a view as the suites see it, and oracles."""
