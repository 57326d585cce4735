"""A department on one machine: namespaces, a booted Debian container, a hospital, devices.

``plan`` says what there is (pure), ``images`` builds the two Debian trees, ``wire`` the
networks, ``hospital`` the outside world, ``box`` the machine that becomes the gateway;
``remains`` finds and ends all of it by the lab's name alone; ``department`` joins them.
"""

from lab.department import Lab, down, find, labs, up
from lab.remains import Remains

__all__ = ["Lab", "Remains", "down", "find", "labs", "up"]
