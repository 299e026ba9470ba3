"""Sentences that stand beside the figures wherever they are shown."""

from __future__ import annotations

from typing import Final

CERTIFICATION: Final = "Measured as ISO/IEC 30107-3 asks; not a certified evaluation."
COUNTING: Final = (
    "Only realface accepts. uncertain refuses whoever stands there: an error for a person, none for an attack. "
    "A presentation that ends with an error code is a non-response; it is outside APCER and BPCER and stands "
    "beside them as APNRR and BPNRR."
)
INDEPENDENCE: Final = (
    "Exact bounds (Clopper-Pearson, two-sided 95 %) take each presentation as independent of the others. "
    "Presentations of one subject are alike, so the truth may lie further out; the bounds over subjects beside "
    "them draw whole subjects and allow for that."
)
NON_RESPONSE: Final = (
    "A presentation without a response is counted once, by the error that it ended with and by what most of its frames "
    "that were not judged lacked. n of all its non-responses, by label and PAI species."
)
RECORDINGS_NAME_NO_CAMERA: Final = (
    "Recordings name no camera: that these are of the one that the calibration is for, nobody has checked."
)
SPECIES_NEVER_AVERAGED: Final = "The worst PAI species is the headline; species are never averaged."
EER_RULE: Final = (
    "EER is where APCER and BPCER cross, on the straight line between the two neighbouring thresholds. BPCER20 "
    "and BPCER100 are the BPCER at the lowest threshold with an APCER of at most 5 % and 1 %. Bounds in "
    "brackets: of HTER and EER over subjects (none for too few of them), of BPCER20 and BPCER100 exact for the "
    "threshold as it is."
)
THRESHOLDS_CHOSEN_HERE: Final = (
    "These thresholds were chosen on the same presentations that they are judged by, so the figures flatter; "
    "the terminal itself uses the policy's threshold. With fewer than 20 attacks of a species an APCER of at "
    "most 5 % means none accepted, with fewer than 100 so does 1 %."
)
DET_AXES: Final = (
    "Normal-deviate axes from 0.1 % to 95 %; rates outside are drawn at the edge. A dot is the policy's "
    "threshold. The lower and the further left, the better."
)
TRANSACTION: Final = (
    "Neighbouring presentations of one subject, source and PAI species form transactions, cut without regard to "
    "their outcomes. One is accepted if any attempt is, and a non-response if no attempt ended with a decision. "
    "The last of a subject may have fewer attempts."
)

NO_CERTIFIED_VERIFICATION: Final = "In the words of ISO/IEC 19795-1; not a certified evaluation."
ZERO_EFFORT: Final = (
    "Non-mated comparisons are zero-effort: another person's face as it is. Nobody looked for a double, nobody made up "
    "or held up anything: attacks are what liveness is for, and what IAPAR counts."
)
PAIRS_ARE_NOT_INDEPENDENT: Final = (
    "Exact bounds (Clopper-Pearson, two-sided 95 %) take each comparison as independent of the others. Comparisons "
    "that share a subject are not: a few people who look like many make most of the false matches. The bounds over "
    "subjects draw whole subjects, a non-mated comparison counting as often as both of its own together; beside them "
    "stands how many subjects have an error at all. Read the exact bounds as the narrowest that could be true."
)
OUTSIDE_THE_RATES: Final = (
    "What gave no embedding is outside FMR and FNMR: FTE counts references that were refused, by the error code of the "
    "session, FTA pictures of attempts. Pictures of attempts are compared whatever their quality; a session compares "
    "good ones alone, and several together."
)
RULE_OF_THREE: Final = (
    "No error in n comparisons still leaves a rate of up to 3 / n (95 %), so a threshold is given only where there are "
    "3 / FMR non-mated comparisons. It was chosen on the comparisons that it is then counted on, so its rates flatter."
)
VERIFY_DET_AXES: Final = (
    "Normal-deviate axes up to 95 %; rates outside are drawn at the edge. A dot is the threshold of the network's "
    "file. The lower and the further left, the better."
)
