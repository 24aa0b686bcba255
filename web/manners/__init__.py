"""How HTTP is spoken: what a client would rather have, how bodies are packed, whose word of an address is taken."""
