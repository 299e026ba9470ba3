"""Ports to camera, screen, lights and sensors, and one file for each driver."""
