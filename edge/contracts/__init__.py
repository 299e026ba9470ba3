"""Every message and enum that enters or leaves the device. Pure: no I/O, no device libraries."""
