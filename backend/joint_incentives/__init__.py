"""Joint incentives (联合激励): an office or department initiates, asked departments respond and feed back."""
