"""Countries as their ISO 3166-1 codes: two letters, three letters, names that people write."""

# Code of two letters, of three, then names separated by semicolons. Names follow the public domain table of the
# time zone database (iso3166.tab); some in the country's own language are added.
_TABLE = """
AD AND Andorra
AE ARE United Arab Emirates; UAE; U.A.E.
AF AFG Afghanistan
AG ATG Antigua & Barbuda; Antigua and Barbuda
AI AIA Anguilla
AL ALB Albania
AM ARM Armenia
AO AGO Angola
AQ ATA Antarctica
AR ARG Argentina
AS ASM Samoa (American); American Samoa
AT AUT Austria; Österreich
AU AUS Australia
AW ABW Aruba
AX ALA Åland Islands
AZ AZE Azerbaijan
BA BIH Bosnia & Herzegovina; Bosnia and Herzegovina
BB BRB Barbados
BD BGD Bangladesh
BE BEL Belgium; België; Belgique
BF BFA Burkina Faso
BG BGR Bulgaria
BH BHR Bahrain
BI BDI Burundi
BJ BEN Benin
BL BLM St Barthelemy; Saint Barthelemy; Saint Barthélemy
BM BMU Bermuda
BN BRN Brunei; Brunei Darussalam
BO BOL Bolivia
BQ BES Caribbean NL
BR BRA Brazil; Brasil
BS BHS Bahamas
BT BTN Bhutan
BV BVT Bouvet Island
BW BWA Botswana
BY BLR Belarus
BZ BLZ Belize
CA CAN Canada
CC CCK Cocos (Keeling) Islands
CD COD Congo (Dem. Rep.)
CF CAF Central African Rep.; Central African Republic
CG COG Congo (Rep.); Congo
CH CHE Switzerland; Schweiz; Suisse; Svizzera
CI CIV Côte d'Ivoire; Ivory Coast
CK COK Cook Islands
CL CHL Chile
CM CMR Cameroon
CN CHN China; 中国; PRC
CO COL Colombia
CR CRI Costa Rica
CU CUB Cuba
CV CPV Cape Verde; Cabo Verde
CW CUW Curaçao
CX CXR Christmas Island
CY CYP Cyprus
CZ CZE Czech Republic; Czechia; Česko
DE DEU Germany; Deutschland
DJ DJI Djibouti
DK DNK Denmark; Danmark
DM DMA Dominica
DO DOM Dominican Republic
DZ DZA Algeria
EC ECU Ecuador
EE EST Estonia
EG EGY Egypt
EH ESH Western Sahara
ER ERI Eritrea
ES ESP Spain; España
ET ETH Ethiopia
FI FIN Finland; Suomi
FJ FJI Fiji
FK FLK Falkland Islands; Falkland Islands (Malvinas)
FM FSM Micronesia
FO FRO Faroe Islands
FR FRA France
GA GAB Gabon
GB GBR Britain (UK); United Kingdom; UK; U.K.; Great Britain; England; Scotland; Wales; Northern Ireland
GD GRD Grenada
GE GEO Georgia
GF GUF French Guiana
GG GGY Guernsey
GH GHA Ghana
GI GIB Gibraltar
GL GRL Greenland
GM GMB Gambia
GN GIN Guinea
GP GLP Guadeloupe
GQ GNQ Equatorial Guinea
GR GRC Greece
GS SGS South Georgia & the South Sandwich Islands; South Georgia and the South Sandwich Islands
GT GTM Guatemala
GU GUM Guam
GW GNB Guinea-Bissau
GY GUY Guyana
HK HKG Hong Kong
HM HMD Heard Island & McDonald Islands; Heard Island and McDonald Islands
HN HND Honduras
HR HRV Croatia
HT HTI Haiti
HU HUN Hungary; Magyarország
ID IDN Indonesia
IE IRL Ireland; Éire; Republic of Ireland
IL ISR Israel
IM IMN Isle of Man
IN IND India
IO IOT British Indian Ocean Territory
IQ IRQ Iraq
IR IRN Iran
IS ISL Iceland
IT ITA Italy; Italia
JE JEY Jersey
JM JAM Jamaica
JO JOR Jordan
JP JPN Japan; 日本
KE KEN Kenya
KG KGZ Kyrgyzstan
KH KHM Cambodia
KI KIR Kiribati
KM COM Comoros
KN KNA St Kitts & Nevis; Saint Kitts and Nevis
KP PRK Korea (North); North Korea
KR KOR South Korea; Korea; Korea (South); Republic of Korea; 대한민국; 한국
KW KWT Kuwait
KY CYM Cayman Islands
KZ KAZ Kazakhstan
LA LAO Laos; Lao People's Democratic Republic
LB LBN Lebanon
LC LCA St Lucia; Saint Lucia
LI LIE Liechtenstein
LK LKA Sri Lanka
LR LBR Liberia
LS LSO Lesotho
LT LTU Lithuania
LU LUX Luxembourg; Luxemburg
LV LVA Latvia
LY LBY Libya
MA MAR Morocco
MC MCO Monaco
MD MDA Moldova
ME MNE Montenegro
MF MAF St Martin (French); Saint Martin (French); Saint Martin (French part)
MG MDG Madagascar
MH MHL Marshall Islands
MK MKD North Macedonia; Macedonia
ML MLI Mali
MM MMR Myanmar (Burma); Myanmar; Burma
MN MNG Mongolia
MO MAC Macau; Macao
MP MNP Northern Mariana Islands
MQ MTQ Martinique
MR MRT Mauritania
MS MSR Montserrat
MT MLT Malta
MU MUS Mauritius
MV MDV Maldives
MW MWI Malawi
MX MEX Mexico; México
MY MYS Malaysia
MZ MOZ Mozambique
NA NAM Namibia
NC NCL New Caledonia
NE NER Niger
NF NFK Norfolk Island
NG NGA Nigeria
NI NIC Nicaragua
NL NLD Netherlands; Holland; The Netherlands; Nederland
NO NOR Norway; Norge
NP NPL Nepal
NR NRU Nauru
NU NIU Niue
NZ NZL New Zealand
OM OMN Oman
PA PAN Panama
PE PER Peru
PF PYF French Polynesia
PG PNG Papua New Guinea
PH PHL Philippines
PK PAK Pakistan
PL POL Poland; Polska
PM SPM St Pierre & Miquelon; Saint Pierre and Miquelon
PN PCN Pitcairn
PR PRI Puerto Rico
PS PSE Palestine
PT PRT Portugal
PW PLW Palau
PY PRY Paraguay
QA QAT Qatar
RE REU Réunion
RO ROU Romania; România
RS SRB Serbia
RU RUS Russia; Russian Federation
RW RWA Rwanda
SA SAU Saudi Arabia
SB SLB Solomon Islands
SC SYC Seychelles
SD SDN Sudan
SE SWE Sweden; Sverige
SG SGP Singapore
SH SHN St Helena; Saint Helena
SI SVN Slovenia
SJ SJM Svalbard & Jan Mayen; Svalbard and Jan Mayen
SK SVK Slovakia
SL SLE Sierra Leone
SM SMR San Marino
SN SEN Senegal
SO SOM Somalia
SR SUR Suriname
SS SSD South Sudan
ST STP Sao Tome & Principe; Sao Tome and Principe
SV SLV El Salvador
SX SXM St Maarten (Dutch); Saint Maarten (Dutch); Sint Maarten (Dutch part)
SY SYR Syria; Syrian Arab Republic
SZ SWZ Eswatini (Swaziland); Eswatini; Swaziland
TC TCA Turks & Caicos Is; Turks and Caicos Is; Turks and Caicos Islands
TD TCD Chad
TF ATF French S. Terr.; French Southern Territories
TG TGO Togo
TH THA Thailand
TJ TJK Tajikistan
TK TKL Tokelau
TL TLS East Timor; Timor-Leste
TM TKM Turkmenistan
TN TUN Tunisia
TO TON Tonga
TR TUR Turkey; Türkiye; Turkiye
TT TTO Trinidad & Tobago; Trinidad and Tobago
TV TUV Tuvalu
TW TWN Taiwan
TZ TZA Tanzania
UA UKR Ukraine
UG UGA Uganda
UM UMI US minor outlying islands; United States Minor Outlying Islands
US USA United States; USA.; U.S.; U.S.A.; United States of America; Estados Unidos; Verenigde Staten
UY URY Uruguay
UZ UZB Uzbekistan
VA VAT Vatican City; Holy See (Vatican City State)
VC VCT St Vincent; Saint Vincent; Saint Vincent and the Grenadines
VE VEN Venezuela
VG VGB Virgin Islands (UK)
VI VIR Virgin Islands (US)
VN VNM Vietnam; Viet Nam
VU VUT Vanuatu
WF WLF Wallis & Futuna; Wallis and Futuna
WS WSM Samoa (western); Samoa
YE YEM Yemen
YT MYT Mayotte
ZA ZAF South Africa
ZM ZMB Zambia
ZW ZWE Zimbabwe
"""


def country_codes() -> dict[str, str]:
    """Return what people write for a country, in upper case, with its code of two letters.

    Returns
    -------
    dict of str to str
        Codes of two and three letters, and names.
    """
    known: dict[str, str] = {}
    for line in _TABLE.strip().splitlines():
        short, long, names = line.split(" ", 2)
        known |= dict.fromkeys((short, long, *names.upper().split("; ")), short)
    return known
