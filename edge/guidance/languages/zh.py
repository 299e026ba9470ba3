"""Chinese, in simplified characters."""

from __future__ import annotations

from collections.abc import Mapping

from edge.contracts.enums import Prompt

TEXTS: Mapping[Prompt, str] = {
    Prompt.LOOK_AT_CAMERA: "请看摄像头",
    Prompt.ONE_PERSON_ONLY: "请保持画面中只有一人",
    Prompt.COME_CLOSER: "请靠近一点",
    Prompt.MOVE_BACK: "请稍微后退",
    Prompt.CENTRE_FACE: "请将脸部移到中间",
    Prompt.HOLD_STILL: "请保持不动",
    Prompt.TOO_MUCH_MOVEMENT: "请减少晃动",
    Prompt.LOOK_STRAIGHT: "请正视前方",
    Prompt.UNCOVER_EYES: "请不要遮挡眼睛",
    Prompt.UNCOVER_MOUTH: "请不要遮挡嘴部",
    Prompt.TOO_BRIGHT: "脸部光线太强，请避开强光",
    Prompt.TOO_DARK: "这里太暗，请到明亮的地方",
    Prompt.SCREEN_WILL_FLASH: "屏幕即将闪烁，请继续看摄像头",
    Prompt.TURN_LEFT: "请向左转头",
    Prompt.TURN_RIGHT: "请向右转头",
    Prompt.TURN_UP: "请向上看",
    Prompt.TURN_DOWN: "请向下看",
    Prompt.TURN_UP_LEFT: "请向左上方看",
    Prompt.TURN_UP_RIGHT: "请向右上方看",
    Prompt.TURN_DOWN_LEFT: "请向左下方看",
    Prompt.TURN_DOWN_RIGHT: "请向右下方看",
    Prompt.WORKING: "请稍候，继续看摄像头",
    Prompt.ACCEPTED: "谢谢，已完成",
    Prompt.NOT_ACCEPTED: "未通过",
    Prompt.TRY_AGAIN: "未能完成，请再试一次",
}
