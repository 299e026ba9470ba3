"""Spanish."""

from __future__ import annotations

from collections.abc import Mapping

from edge.contracts.enums import Prompt

TEXTS: Mapping[Prompt, str] = {
    Prompt.LOOK_AT_CAMERA: "Mire a la cámara",
    Prompt.ONE_PERSON_ONLY: "Una sola persona, por favor",
    Prompt.COME_CLOSER: "Acérquese",
    Prompt.MOVE_BACK: "Aléjese un poco",
    Prompt.CENTRE_FACE: "Coloque la cara en el centro",
    Prompt.HOLD_STILL: "No se mueva",
    Prompt.TOO_MUCH_MOVEMENT: "Muévase menos",
    Prompt.LOOK_STRAIGHT: "Mire al frente",
    Prompt.UNCOVER_EYES: "Descúbrase los ojos",
    Prompt.UNCOVER_MOUTH: "Descúbrase la boca",
    Prompt.TOO_BRIGHT: "Hay demasiada luz en su cara. Apártese de la luz",
    Prompt.TOO_DARK: "Está demasiado oscuro. Busque más luz",
    Prompt.SCREEN_WILL_FLASH: "La pantalla va a parpadear. Siga mirando",
    Prompt.TURN_LEFT: "Gire la cabeza a la izquierda",
    Prompt.TURN_RIGHT: "Gire la cabeza a la derecha",
    Prompt.TURN_UP: "Mire hacia arriba",
    Prompt.TURN_DOWN: "Mire hacia abajo",
    Prompt.TURN_UP_LEFT: "Mire arriba a la izquierda",
    Prompt.TURN_UP_RIGHT: "Mire arriba a la derecha",
    Prompt.TURN_DOWN_LEFT: "Mire abajo a la izquierda",
    Prompt.TURN_DOWN_RIGHT: "Mire abajo a la derecha",
    Prompt.WORKING: "Un momento, siga mirando",
    Prompt.ACCEPTED: "Gracias, ya está",
    Prompt.NOT_ACCEPTED: "No aceptado",
    Prompt.TRY_AGAIN: "No ha funcionado. Inténtelo de nuevo",
}
