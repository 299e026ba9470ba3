"""French."""

from __future__ import annotations

from collections.abc import Mapping

from edge.contracts.enums import Prompt

TEXTS: Mapping[Prompt, str] = {
    Prompt.LOOK_AT_CAMERA: "Regardez la caméra",
    Prompt.ONE_PERSON_ONLY: "Une seule personne, s’il vous plaît",
    Prompt.COME_CLOSER: "Approchez-vous",
    Prompt.MOVE_BACK: "Reculez un peu",
    Prompt.CENTRE_FACE: "Placez votre visage au centre",
    Prompt.HOLD_STILL: "Ne bougez plus",
    Prompt.TOO_MUCH_MOVEMENT: "Bougez moins",
    Prompt.LOOK_STRAIGHT: "Regardez droit devant vous",
    Prompt.UNCOVER_EYES: "Découvrez vos yeux",
    Prompt.UNCOVER_MOUTH: "Découvrez votre bouche",
    Prompt.TOO_BRIGHT: "Votre visage est trop éclairé. Éloignez-vous de la lumière",
    Prompt.TOO_DARK: "Il fait trop sombre ici. Cherchez plus de lumière",
    Prompt.SCREEN_WILL_FLASH: "L’écran va clignoter. Continuez à regarder",
    Prompt.TURN_LEFT: "Tournez la tête à gauche",
    Prompt.TURN_RIGHT: "Tournez la tête à droite",
    Prompt.TURN_UP: "Regardez en haut",
    Prompt.TURN_DOWN: "Regardez en bas",
    Prompt.TURN_UP_LEFT: "Regardez en haut à gauche",
    Prompt.TURN_UP_RIGHT: "Regardez en haut à droite",
    Prompt.TURN_DOWN_LEFT: "Regardez en bas à gauche",
    Prompt.TURN_DOWN_RIGHT: "Regardez en bas à droite",
    Prompt.WORKING: "Un instant, continuez à regarder",
    Prompt.ACCEPTED: "Merci, c’est terminé",
    Prompt.NOT_ACCEPTED: "Non accepté",
    Prompt.TRY_AGAIN: "Cela n’a pas fonctionné. Veuillez réessayer",
}
