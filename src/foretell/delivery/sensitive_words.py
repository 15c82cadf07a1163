"""Words in a segment's name that suggest a group of people whom law and platforms protect.

The groups are those of the GDPR's article 9, and health and finances, by which Meta flags audiences (2025). A word is
looked for whole, in English, German, Dutch, French and Spanish; a name without any is no proof that an audience is
harmless.
"""

import re
from collections.abc import Mapping

GROUPS: Mapping[str, str] = {
    "health": (
        "health healthy ill illness sick disease diabetes diabetic cancer asthma allergy allergic arthritis depression "
        "depressed anxiety adhd autism autistic hiv aids pregnant pregnancy fertility ivf menopause obese obesity "
        "overweight weightloss addiction addict alcoholic disabled disability wheelchair patient patients medication "
        "therapy gesundheit krank krankheit schwanger diabetiker behinderung ziekte zwanger gezondheid grossesse "
        "enceinte santé maladie salud embarazada enfermedad"
    ),
    "finances": (
        "debt debtor debtors creditscore bankrupt bankruptcy loan loans mortgage insolvent wealthy "
        "income salary unemployed welfare payday foreclosure schulden kredit einkommen arbeitslos "
        "werkloos inkomen lening dette revenu chômeur deuda ingresos desempleado"
    ),
    "origin": (
        "racial ethnic ethnicity asian hispanic latino latina arab african jewish migrant migrants "
        "refugee refugees immigrant immigrants herkunft ausländer flüchtling migrante inmigrante réfugié"
    ),
    "religion": (
        "religion religious christian christians catholic catholics muslim muslims islam jew jews hindu buddhist "
        "atheist ramadan church mosque synagogue moslem katholik evangelisch musulman católico"
    ),
    "politics": (
        "political politics democrat democrats republican republicans conservative socialist voter voters union unions "
        "gewerkschaft wähler vakbond syndicat sindicato"
    ),
    "sexual life": "gay lesbian lgbt lgbtq queer transgender homosexual bisexual sexuality schwul lesbisch homo",
    "children": (
        "child children minors teen teens teenager kinder kinderen enfants niños newborn baby babies parents"
    ),
    "crime": "criminal criminals convict convicts prisoner arrest fraudster vorbestraft",
}  # fmt: skip
_TOLD: Mapping[str, str] = {
    "health": "a state of health", "finances": "a financial situation", "origin": "an origin",
    "religion": "a religion", "politics": "a political view", "sexual life": "a sexual orientation",
    "children": "children or parents", "crime": "a criminal record",
}  # fmt: skip
_GROUP_OF = {word: group for group, words in GROUPS.items() for word in words.split()}
_PHRASES: Mapping[str, str] = {
    "high income": "finances",
    "low income": "finances",
    "credit score": "finances",
    "weight loss": "health",
    "mental health": "health",
    "new parents": "children",
}


def sensitive_group(text: str) -> list[tuple[str, str]]:
    """Find words that suggest a protected group.

    Parameters
    ----------
    text : str
        Name and title of a segment.

    Returns
    -------
    list of (str, str)
        Each word once, and what it suggests, in words.
    """
    words = re.findall(r"[^\W\d_]+", text.lower())
    found = {word: _GROUP_OF[word] for word in words if word in _GROUP_OF}
    joined = " ".join(words)
    found |= {phrase: group for phrase, group in _PHRASES.items() if phrase in joined}
    return [(word, _TOLD[group]) for word, group in found.items()]
