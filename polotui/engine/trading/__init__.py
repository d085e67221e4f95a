"""Trading, wired: bots, gateway, venues and the risk monitor on the engine's feed, clock and stores."""
