"""How a family of models learns; one file each, all meeting one protocol."""
