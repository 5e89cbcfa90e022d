"""A workbook as a Chinese ward exports it: two sheets, merged headers, a row of units, °F, a column nobody knows."""

from pathlib import Path

import numpy as np
import xlsxwriter

PATIENTS, HOURS = 8, 30


def write(path: Path, seed: int, first: int) -> Path:
    """A workbook of invented patients with the numbers from `first` on."""
    rng = np.random.default_rng(seed)
    with xlsxwriter.Workbook(path) as book:
        _vitals(book, rng, first)
        _laboratory(book, rng, first)
    return path


def _vitals(book: xlsxwriter.Workbook, rng: np.random.Generator, first: int) -> None:
    sheet = book.add_worksheet("生命体征")
    sheet.merge_range(0, 0, 0, 9, "某医院重症医学科 生命体征记录")
    for column, name in enumerate(["住院号", "记录时间", "体温", "心率", "呼吸"]):
        sheet.merge_range(1, column, 2, column, name)
    sheet.merge_range(1, 5, 1, 6, "血压")
    sheet.write_row(2, 5, ["收缩压", "舒张压"])
    for column, name in enumerate(["血氧饱和度", "格拉斯哥昏迷评分", "床位护理"], start=7):
        sheet.merge_range(1, column, 2, column, name)
    sheet.write_row(3, 2, ["°F", "次/分", "次/分", "mmHg", "mmHg", "%"])
    row = 4
    for patient in range(PATIENTS):
        ill = patient % 4
        for hour in range(HOURS):
            when = f"2026-03-{1 + hour // 24:02d} {hour % 24:02d}:00"
            temperature = round(98.2 + 0.9 * ill + rng.normal(0, 0.3), 1)
            cells: list[object] = [f"ZY{first + patient}", when, temperature, 78 + 9 * ill, 15 + 3 * ill]
            cells += [128 - 9 * ill, 74 - 5 * ill, 98 - ill if hour % 5 else "未测", 15 - ill, "A3"]
            for column, cell in enumerate(cells):
                sheet.write(row, column, cell)
            row += 1


def _laboratory(book: xlsxwriter.Workbook, rng: np.random.Generator, first: int) -> None:
    sheet = book.add_worksheet("检验")
    sheet.write_row(
        0, 0, ["住院号", "采集时间", "乳酸 (mmol/L)", "肌酐 (µmol/L)", "血糖 (mmol/L)", "钠 (mmol/L)", "白蛋白 (g/L)"]
    )
    row = 1
    for patient in range(PATIENTS):
        for hour in (2, 14, 26):
            when = f"2026-03-{1 + hour // 24:02d} {hour % 24:02d}:30"
            lactate = "<0.5" if patient == 0 else round(1.1 + 0.8 * (patient % 4), 1)
            sheet.write_row(row, 0, [f"ZY{first + patient}", when, lactate, 80 + 30 * (patient % 4), 6.1, 139, 38])
            row += 1
