"""Every upload format as data.

Sources: Meta Marketing API v25 and help 2082575038703844; Google Ads help 7659867, 7475964, 7014069, 7686280; Criteo
retail media help on contact lists; TikTok help on customer files; Klaviyo help 115005078967; LinkedIn help a1489764.
Where a platform's pages disagree, `UploadOptions` has the choice.
"""

from dataclasses import replace

from foretell.delivery.uploads.template import Platform, UploadColumn, UploadOptions
from foretell.errors import ConfigError, did_you_mean

_SHA = "sha256"


def _hashed(header: str, source: str, form: str, *, asked_only: bool = False) -> UploadColumn:
    return UploadColumn(header, source, form, _SHA, also_plain=True, asked_only=asked_only)


_META_COLUMNS = (
    _hashed("email", "email", "email"),
    _hashed("phone", "phone", "phone_digits"),
    _hashed("fn", "first_name", "name_bare"),
    _hashed("ln", "last_name", "name_bare"),
    _hashed("ct", "city", "city"),
    _hashed("st", "region", "state"),
    _hashed("zip", "postcode", "postcode_meta"),
    _hashed("country", "country", "country_lower"),
    _hashed("dob", "birth_date", "birth_date", asked_only=True),
    _hashed("gen", "gender", "gender", asked_only=True),
    UploadColumn("madid", "madid", "device"),
)
_META_TITLE = "Meta (Facebook, Instagram)"
META = Platform(
    name="meta",
    title=f"{_META_TITLE}: customer list",
    channel="ads",
    columns=_META_COLUMNS,
    identifies=(("email",), ("phone",), ("madid",)),
    accepted=tuple(UploadColumn(name, "", "plain", also_hashed=True) for name in ("doby", "age", "uid", "extern_id")),
    repeats=3,
    minimum=100,
    advised=1_000,
    lasts="an audience that no campaign uses is deleted after about 2 years",
    use="Audiences, Create a custom audience, Customer list, without a value column.",
)
META_VALUE = replace(
    META,
    name="meta_value",
    title=f"{_META_TITLE}: customer list with values",
    columns=(*_META_COLUMNS, UploadColumn("value", "value", "amount")),
    required=("value",),
    use="Audiences, Create a custom audience, Customer list, with `value` as the value: a source for value-based "
    "lookalikes, so it needs the whole range of customers, not the best only.",
)
_GOOGLE_CONSENTS = ("ad_user_data", "ad_personalization")
GOOGLE = Platform(
    name="google",
    title="Google Ads: Customer Match",
    channel="ads",
    columns=(
        _hashed("Email", "email", "email_google"),
        _hashed("Phone", "phone", "phone_plus"),
        _hashed("First Name", "first_name", "name_spaced"),
        _hashed("Last Name", "last_name", "name_bare"),
        UploadColumn("Country", "country", "country"),
        UploadColumn("Zip", "postcode", "postcode"),
    ),
    identifies=(("Email",), ("Phone",), ("First Name", "Last Name", "Country", "Zip")),
    together=("First Name", "Last Name", "Country", "Zip"),
    repeats=3,
    consents=_GOOGLE_CONSENTS,
    advised=5_000,
    lasts="Google drops people 540 days after they were added",
    use="Tools, Audience manager, Your data segments, Customer list; choose that the data are hashed.",
)
GOOGLE_CONVERSIONS = Platform(
    name="google_conversions",
    title="Google Ads: offline conversions",
    channel="ads",
    columns=(
        UploadColumn("Google Click ID", "gclid", "code"),
        UploadColumn("Conversion Name", "option:conversion_name", "plain"),
        UploadColumn("Conversion Time", "converted_at", "instant"),
        UploadColumn("Conversion Value", "value", "amount"),
        UploadColumn("Conversion Currency", "option:currency", "code"),
        UploadColumn("Order ID", "order_id", "code"),
    ),
    identifies=(("Google Click ID", "Conversion Time"),),
    accepted=tuple(
        UploadColumn(name, "", "code") for name in ("GBRAID", "WBRAID", "Ad User Data", "Ad Personalization")
    ),
    required=("Conversion Name", "Conversion Time"),
    time_zone_line=True,
    removable=False,
    consents=_GOOGLE_CONSENTS,
    use="Goals, Conversions, Uploads. The value is predicted, not earned: say so in the name of the conversion.",
)
GOOGLE_ADJUSTMENTS = Platform(
    name="google_adjustments",
    title="Google Ads: adjusted conversion values",
    channel="ads",
    columns=(
        UploadColumn("Order ID", "order_id", "code"),
        UploadColumn("Conversion Name", "option:conversion_name", "plain"),
        UploadColumn("Adjustment Time", "option:adjusted_at", "instant"),
        UploadColumn("Adjustment Type", "option:adjustment_type", "adjustment"),
        UploadColumn("Adjusted Value", "value", "amount"),
        UploadColumn("Adjusted Value Currency", "option:currency", "code"),
    ),
    identifies=(("Order ID",),),
    accepted=(
        UploadColumn("Google Click ID", "", "code"),
        UploadColumn("Conversion Time", "", "instant"),
    ),
    required=("Conversion Name", "Adjustment Time", "Adjustment Type"),
    time_zone_line=True,
    removable=False,
    consents=_GOOGLE_CONSENTS,
    use="Goals, Conversions, Uploads, some hours after the conversions themselves. It restates predicted values.",
)
CRITEO = Platform(
    name="criteo",
    title="Criteo: contact list",
    channel="ads",
    columns=(_hashed("email", "email", "email"),),
    identifies=(("email",),),
    header=False,
    minimum=501,
    use="Audiences, Contact list; say that the e-mail addresses are hashed with SHA-256.",
)
TIKTOK = Platform(
    name="tiktok",
    title="TikTok: customer file",
    channel="ads",
    columns=(
        UploadColumn("Email_SHA256", "email", "email_unspaced", _SHA),
        UploadColumn("Phone_SHA256", "phone", "phone_digits", _SHA),
        UploadColumn("MAID_SHA256", "madid", "device", _SHA),
    ),
    identifies=(("Email_SHA256",), ("Phone_SHA256",), ("MAID_SHA256",)),
    accepted=(
        UploadColumn("Email", "email", "email_unspaced"),
        UploadColumn("Phone", "phone", "phone_digits"),
        UploadColumn("MAID", "madid", "device"),
        UploadColumn("MAID_MD5", "madid", "device", "md5"),
    ),
    repeats=3,
    minimum=1_000,
    most_bytes=1_000_000_000,
    use="Assets, Audiences, Create audience, Customer file.",
)
LINKEDIN_COMPANIES = Platform(
    name="linkedin_companies",
    title="LinkedIn: company list",
    # A company may be one person: it is written if one of its people agreed.
    channel="ads",
    columns=(
        UploadColumn("companyname", "company", "plain"),
        UploadColumn("companywebsite", "website", "domain"),
        UploadColumn("companyemaildomain", "domain", "domain"),
        UploadColumn("linkedincompanypageurl", "linkedin_page", "plain"),
        UploadColumn("stocksymbol", "", "plain"),
        UploadColumn("industry", "industry", "plain"),
        UploadColumn("city", "", "plain"),
        UploadColumn("state", "", "plain"),
        UploadColumn("companycountry", "", "country"),
        UploadColumn("zipcode", "", "plain"),
    ),
    identifies=(("companyname",),),
    required=("companyname",),
    exact_header=True,
    removable=False,
    advised=1_000,
    most_rows=300_000,
    most_bytes=20_000_000,
    use="Plan, Audiences, Matched audiences, Upload a list, Company list. It must match 300 members.",
)
LINKEDIN_CONTACTS = Platform(
    name="linkedin_contacts",
    title="LinkedIn: contact list",
    channel="ads",
    columns=(
        _hashed("email", "email", "email_unspaced"),
        UploadColumn("firstname", "first_name", "plain"),
        UploadColumn("lastname", "last_name", "plain"),
        UploadColumn("jobtitle", "job_title", "plain"),
        UploadColumn("employeecompany", "company", "plain"),
        UploadColumn("country", "country", "country"),
    ),
    identifies=(("email",), ("firstname", "lastname", "employeecompany")),
    together=("firstname", "lastname", "employeecompany"),
    beside=("jobtitle",),
    accepted=(UploadColumn("googleaid", "", "device"),),
    last_resort=True,
    minimum=300,
    advised=10_000,
    most_rows=300_000,
    most_bytes=20_000_000,
    use="Plan, Audiences, Matched audiences, Upload a list, Contact list. Compare the header with LinkedIn's current "
    "template first.",
)
KLAVIYO = Platform(
    name="klaviyo",
    title="Klaviyo: profiles for a list",
    channel="email",
    columns=(
        UploadColumn("Email", "email", "email"),
        UploadColumn("Phone Number", "phone", "phone_plus", channel="sms"),
    ),
    identifies=(("Email",), ("Phone Number",)),
    properties=True,
    most_bytes=50_000_000,
    use="Audience, Lists & segments, a list, Manage list, Upload contacts. An upload starts the flows of that list: "
    "take a list without flows. Nobody is subscribed by this file.",
)

PLATFORMS: dict[str, Platform] = {
    platform.name: platform
    for platform in (
        KLAVIYO,
        META,
        META_VALUE,
        GOOGLE,
        GOOGLE_CONVERSIONS,
        GOOGLE_ADJUSTMENTS,
        CRITEO,
        TIKTOK,
        LINKEDIN_COMPANIES,
        LINKEDIN_CONTACTS,
    )
}


def platform_for(name: str, options: UploadOptions | None = None) -> Platform:
    """Return an upload format, with the user's choices in it.

    Parameters
    ----------
    name : str
        One of `PLATFORMS`.
    options : UploadOptions, optional
        Choices that are left open.

    Returns
    -------
    Platform
        Columns that are asked for only are left out unless they were asked for.

    Raises
    ------
    ConfigError
        If there is no such platform.
    """
    if name not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise ConfigError([f"There is no platform {name!r}.{did_you_mean(name, PLATFORMS)} Known: {known}."])
    chosen = options or UploadOptions()
    platform = PLATFORMS[name]
    columns = (_with_options(column, platform, chosen) for column in platform.columns)
    kept = tuple(column for column in columns if not column.asked_only or column.source in chosen.sensitive)
    spare = tuple(column for column in platform.columns if column.asked_only and column.source not in chosen.sensitive)
    return replace(platform, columns=kept, accepted=(*platform.accepted, *spare))


def _with_options(column: UploadColumn, platform: Platform, options: UploadOptions) -> UploadColumn:
    if platform.name == "tiktok" and column.form == "phone_digits" and options.tiktok_phone == "plus":
        return replace(column, form="phone_plus")
    if platform.name == "tiktok" and column.form == "email_unspaced" and options.tiktok_tags == "drop":
        return replace(column, form="email_untagged")
    if platform.name == "criteo":
        kind = options.criteo_identifier
        return replace(column, hashed="" if kind == "plain" else kind, also_hashed=True)
    return column
