"""A Discord of our own on loopback, that real clients accept: REST, gateway, voice with DAVE, people, faults.

``docs/simulator.md`` says what it can do and where it follows or guesses at the real one."""
