"""The virtual-time rig: the real client, the real exchange and the real libraries, on a clock that jumps.

    from tests.rig import rig

    async def main(world):                      # world.loop, world.network, world.clock, world.chance
        ...
        await asyncio.sleep(3600)               # an hour that takes seconds

    result = rig(main, seed=7)

`loop.py` is the event loop without real time, `network.py` the network in memory with its faults, `clock.py` the clocks
handed to the product, `database.py` SQLite without its thread.
"""

from tests.rig.world import World, rig

__all__ = ["World", "rig"]
