"""What anyone may look up (公示): enterprises and organisations, never natural persons."""
