"""Our client and our stand-in held against what nobody here wrote: Bandwidth's SDK and its description of the API."""
