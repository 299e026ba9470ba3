"""English."""

from __future__ import annotations

from collections.abc import Mapping

from edge.contracts.enums import Prompt

TEXTS: Mapping[Prompt, str] = {
    Prompt.LOOK_AT_CAMERA: "Look at the camera",
    Prompt.ONE_PERSON_ONLY: "One person at a time, please",
    Prompt.COME_CLOSER: "Come closer",
    Prompt.MOVE_BACK: "Step back a little",
    Prompt.CENTRE_FACE: "Bring your face to the middle",
    Prompt.HOLD_STILL: "Hold still",
    Prompt.TOO_MUCH_MOVEMENT: "Move less",
    Prompt.LOOK_STRAIGHT: "Look straight ahead",
    Prompt.UNCOVER_EYES: "Uncover your eyes",
    Prompt.UNCOVER_MOUTH: "Uncover your mouth",
    Prompt.TOO_BRIGHT: "Your face is too bright. Turn away from the light",
    Prompt.TOO_DARK: "It is too dark here. Find more light",
    Prompt.SCREEN_WILL_FLASH: "The screen is about to flash. Keep looking",
    Prompt.TURN_LEFT: "Turn your head left",
    Prompt.TURN_RIGHT: "Turn your head right",
    Prompt.TURN_UP: "Look up",
    Prompt.TURN_DOWN: "Look down",
    Prompt.TURN_UP_LEFT: "Look up to the left",
    Prompt.TURN_UP_RIGHT: "Look up to the right",
    Prompt.TURN_DOWN_LEFT: "Look down to the left",
    Prompt.TURN_DOWN_RIGHT: "Look down to the right",
    Prompt.WORKING: "One moment, keep looking",
    Prompt.ACCEPTED: "Thank you, all done",
    Prompt.NOT_ACCEPTED: "Not accepted",
    Prompt.TRY_AGAIN: "That did not work. Please try again",
}
