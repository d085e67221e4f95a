"""All of it wired and running: services, jobs, health, overlays, and the API's server. `python -m polotui.engine`."""
