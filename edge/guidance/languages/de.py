"""German."""

from __future__ import annotations

from collections.abc import Mapping

from edge.contracts.enums import Prompt

TEXTS: Mapping[Prompt, str] = {
    Prompt.LOOK_AT_CAMERA: "Bitte in die Kamera schauen",
    Prompt.ONE_PERSON_ONLY: "Bitte nur eine Person",
    Prompt.COME_CLOSER: "Bitte näher kommen",
    Prompt.MOVE_BACK: "Bitte etwas zurücktreten",
    Prompt.CENTRE_FACE: "Das Gesicht in die Mitte bringen",
    Prompt.HOLD_STILL: "Bitte stillhalten",
    Prompt.TOO_MUCH_MOVEMENT: "Bitte weniger bewegen",
    Prompt.LOOK_STRAIGHT: "Bitte geradeaus schauen",
    Prompt.UNCOVER_EYES: "Bitte die Augen freimachen",
    Prompt.UNCOVER_MOUTH: "Bitte den Mund freimachen",
    Prompt.TOO_BRIGHT: "Das Gesicht ist zu hell. Bitte vom Licht abwenden",
    Prompt.TOO_DARK: "Hier ist es zu dunkel. Bitte mehr Licht suchen",
    Prompt.SCREEN_WILL_FLASH: "Der Bildschirm blinkt gleich. Bitte weiter hinschauen",
    Prompt.TURN_LEFT: "Den Kopf nach links drehen",
    Prompt.TURN_RIGHT: "Den Kopf nach rechts drehen",
    Prompt.TURN_UP: "Nach oben schauen",
    Prompt.TURN_DOWN: "Nach unten schauen",
    Prompt.TURN_UP_LEFT: "Nach links oben schauen",
    Prompt.TURN_UP_RIGHT: "Nach rechts oben schauen",
    Prompt.TURN_DOWN_LEFT: "Nach links unten schauen",
    Prompt.TURN_DOWN_RIGHT: "Nach rechts unten schauen",
    Prompt.WORKING: "Einen Moment, bitte weiter hinschauen",
    Prompt.ACCEPTED: "Danke, fertig",
    Prompt.NOT_ACCEPTED: "Nicht angenommen",
    Prompt.TRY_AGAIN: "Das hat nicht geklappt. Bitte noch einmal versuchen",
}
