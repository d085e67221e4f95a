"""The full-screen face: what a trader sees and does, on Textual. It speaks to the engine through `EngineLink` only."""
