"""What the variables of `icu_mortality` are called in Chinese, German, French, Spanish, Italian, Portuguese and Dutch.

Names of pressures that say neither arterial line nor cuff stand apart: they are taken as a guess.
"""


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.replace("\n", " ").split("|") if name.strip())


# One variable a paragraph. Accents and case do not matter, so "fréquence" is "frequence".
ABROAD: dict[str, tuple[str, ...]] = {
    name: _names(text)
    for name, text in {
        "HR": """心跳|心搏|脉率|脈搏|脈率|心率次分|hf|pulsfrequenz|herzschlag|pouls|rythme cardiaque|
            freq cardiaque|pulso|frecuencia del pulso|frequenza cardiaca|battito cardiaco|polso|
            frequencia cardiaca|batimentos|hartslag|hartfrequentie|hartritme|pols""",
        "SysABP": """有创收缩压|动脉收缩压|有創收縮壓|動脈收縮壓|arteriell systolisch|
            pression arterielle invasive systolique""",
        "DiasABP": """有创舒张压|动脉舒张压|有創舒張壓|動脈舒張壓|arteriell diastolisch|
            pression arterielle invasive diastolique""",
        "MAP": """有创平均压|动脉平均压|平均動脈壓|动脉压平均|mad|mittlerer arterieller druck|
            arterieller mitteldruck|pam|pression arterielle moyenne|presion arterial media|
            pressione arteriosa media|pressao arterial media|tension arterial media|tam|
            gemiddelde arteriele druk|gemiddelde bloeddruk""",
        "NISysABP": """袖带收缩压|無創收縮壓|nibp syst|nbp syst|nibd sys|pni systolique|pani systolique|pni sys|
            nichtinvasiv systolisch""",
        "NIDiasABP": """袖带舒张压|無創舒張壓|nibp diast|nbp diast|nibd dia|pni diastolique|pani diastolique|
            pni dia|nichtinvasiv diastolisch""",
        "NIMAP": "无创平均压|無創平均壓|无创平均动脉压|nibd mittel|pni moyenne|pani moyenne|nichtinvasiv mittel",
        "Lactate": """血乳酸|lactat|milchsäure|lactates|acide lactique|lactato|acido lactico|acido latico|
            lattato|melkzuur""",
        "TroponinI": "肌鈣蛋白i|高敏肌钙蛋白i|超敏肌钙蛋白i|troponine i|troponina i|hs troponin i|hstni|hs tni",
        "TroponinT": "肌鈣蛋白t|高敏肌钙蛋白t|超敏肌钙蛋白t|troponine t|troponina t|hs troponin t|hstnt|hs tnt",
        "RespRate": """呼吸率|呼吸次数|呼吸頻率|呼吸速率|atmung|atemzüge|fréquence respiratoire|
            freq respiratoire|frecuencia respiratoria|respiraciones|frequenza respiratoria|atti respiratori|
            frequencia respiratoria|fr|ademhalingsfrequentie|ademfrequentie|ademhaling""",
        "SaO2": """血氧飽和度|氧饱和度|氧飽和度|动脉血氧饱和度|脉氧|脉搏血氧饱和度|血氧饱和|o2 sättigung|satO2|
            sat o2|spo2 sättigung|saturation en oxygène|saturation oxygène|saturacion de oxigeno|saturacion|
            saturazione|saturazione di ossigeno|saturazione o2|saturacao|saturacao de oxigenio|
            zuurstofsaturatie|saturatie""",
        "FiO2": """吸入氧浓度|氧浓度|吸氧濃度|吸入氧分数|inspiratorische sauerstofffraktion|sauerstofffraktion|
            fraction inspirée en oxygène|fraction inspiree d oxygene|fraccion inspirada de oxigeno|
            frazione inspirata di ossigeno|fracao inspirada de oxigenio""",
        "PaO2": """动脉血氧分压|氧分壓|动脉氧分压|血氧分压|sauerstoffpartialdruck|pression partielle en oxygène|
            presion parcial de oxigeno|pressione parziale di ossigeno|pressao parcial de oxigenio""",
        "PaCO2": """动脉血二氧化碳分压|二氧化碳分壓|动脉二氧化碳分压|kohlendioxidpartialdruck|
            pression partielle en co2|presion parcial de co2|pressione parziale di co2|pressao parcial de co2""",
        "pH": "动脉血ph|血ph|ph值|血液ph|动脉血酸碱度|ph arteriell|ph artériel|ph arterial|ph arterioso|ph wert",
        "HCO3": """碳酸氫根|碳酸氢盐|实际碳酸氢根|bikarbonat|bicarbonat|bicarbonates|bicarbonato|bicarbonati|
            bicarbonaat""",
        "MechVent": """呼吸机|機械通氣|有创通气|是否机械通气|beatmung|beatmet|maschinelle beatmung|
            ventilation mécanique|ventilacion mecanica|ventilazione meccanica|ventilacao mecanica|
            mechanische beademing|beademing|beademd|intubiert|intubé""",
        "GCS": """gcs评分|gcs總分|gcs总分|格拉斯哥评分|格拉斯哥昏迷評分|昏迷评分|glasgow|glasgow koma skala|
            glasgow score|score de glasgow|escala de glasgow|escala de coma de glasgow|scala di glasgow|
            gcs summe|gcs sum|gcs score""",
        "Temp": """體溫|腋温|肛温|口温|核心体温|körpertemperatur|kerntemperatur|temp körper|température|
            température corporelle|temperatura corporal|temperatura corporea|temperatuur|lichaamstemperatuur""",
        "Weight": """體重|入院体重|körpergewicht kg|poids corporel|peso corporal|peso corporeo|gewicht kg|
            lichaamsgewicht""",
        "Urine": """尿|每小时尿量|小便量|urin|urinmenge|urinausscheidung|harnmenge|diurese|diurèse|diuresi|
            orina|volumen urinario|gasto urinario|urina|debito urinario|volume urinario|urineproductie""",
        "Creatinine": "血肌酐|血清肌酐|肌酸酐|krea|créatinine|créatininémie|creatinina|creatininemia",
        "BUN": """血尿素氮|血尿素|血清尿素氮|harnstoff n|harnstoffstickstoff|harnstoff stickstoff|urée|
            azote uréique|nitrogeno ureico|azoto ureico|nitrogenio ureico|ureum|ureia|hst""",
        "Na": "血钠|鈉|钠离子|血清钠|血鈉|sodio|sodium sanguin|natremie|natriemia|natremia|natraemie",
        "K": "血钾|鉀|钾离子|血清钾|血鉀|potasio|potassio|kaliemie|potassemia|kaliaemie",
        "Mg": "血镁|鎂|镁离子|血清镁|magnesio|magnésium",
        "Glucose": """葡萄糖血|随机血糖|血糖值|指尖血糖|血葡萄糖|blutzucker|bz|blutglukose|glykämie|glycémie|
            glucosa|glucemia|glicemia|glucosio|glicose|bloedsuiker|bloedglucose""",
        "HCT": """红细胞比容|紅血球比容|紅細胞壓積|血细胞比容|hämatokrit|hkt|hk|hématocrite|hematocrito|hto|
            ematocrito|hematocriet""",
        "WBC": """白细胞计数|白血球|白細胞|白血球计数|白细胞数|leukozyten|leukos|leuko|weisse blutkörperchen|
            leucocytes|globules blancs|leucocitos|globulos blancos|globuli bianchi|leucociti|leukocyten|
            witte bloedcellen""",
        "Platelets": """血小板计数|血小板數|血小板数|thrombozyten|thrombos|thrombo|blutplättchen|plaquettes|
            plaquetas|recuento de plaquetas|piastrine|trombocyten|bloedplaatjes""",
        "Bilirubin": """總膽紅素|膽紅素|血清总胆红素|gesamtbilirubin|bilirubin gesamt|bilirubine|
            bilirubine totale|bilirubina|bilirubina total|bilirubina totale|bilirubine totaal""",
        "ALT": """丙氨酸氨基转移酶|谷丙|丙氨酸转氨酶|谷丙轉氨酶|alat|alt gpt|gpt alt|alat gpt|gpt alat|
            alanin aminotransferase|tgp|alanina aminotransferasa|alanina aminotransferase""",
        "AST": """天门冬氨酸氨基转移酶|天冬氨酸氨基转移酶|谷草|谷草轉氨酶|asat|ast got|got ast|asat got|
            got asat|aspartat aminotransferase|tgo|aspartato aminotransferasa|aspartato aminotransferase""",
        "ALP": """碱性磷酸酶alp|鹼性磷酸酶|alkalische phosphatase|alk phosphatase|alk phosph|
            phosphatase alcaline|phosphatases alcalines|fosfatasa alcalina|fosfatasi alcalina|
            fosfatase alcalina|alkalische fosfatase""",
        "Albumin": "血清白蛋白|人血白蛋白|albumine|albúmina|albumina|albuminemia",
        "Cholesterol": """总胆固醇|總膽固醇|膽固醇|血清总胆固醇|cholesterin|gesamtcholesterin|
            cholesterin gesamt|cholestérol|cholestérol total|colesterol|colesterol total|colesterolo|
            colesterolo totale|totaal cholesterol""",
        "Age": "年齡|岁数|lebensalter|alter in jahren|âge|age du patient|edad anos|età|idade|leeftijd",
        "Gender": "性別|男女|sexe|sesso|genere|genero|geslacht",
        "Height": """身長|身高cm|körpergröße|größe|grösse cm|taille cm|estatura|altura|altezza|statura|lengte|
            lichaamslengte""",
        "ICUType": """icu类型|重症监护类型|科室类型|intensivstation|type de réanimation|tipo de uci|
            tipo di terapia intensiva""",
    }.items()
}

SYSTOLIC = _names(
    """收縮壓|收缩压值|高压|血压收缩压|血压高|syst|systole|sys|sys rr|blutdruck s|tension systolique|
    pression systolique|presion sistolica|pressione sistolica|pressione arteriosa sistolica|pressao sistolica|
    pressao arterial sistolica|tension sistolica|systolische bloeddruk|bloeddruk systolisch|systolische druk|
    bloeddruk sys|血压 sys|blood pressure sys|blood pressure syst|syst bp|systolischer druck|pa max|
    pressione massima"""
)
DIASTOLIC = _names(
    """舒張壓|舒张压值|低压|血压舒张压|血压低|diast|diastole|dias|blutdruck d|tension diastolique|
    pression diastolique|presion diastolica|pressione diastolica|pressione arteriosa diastolica|
    pressao diastolica|pressao arterial diastolica|tension diastolica|diastolische bloeddruk|
    bloeddruk diastolisch|diastolische druk|bloeddruk dia|血压 dia|blood pressure dia|blood pressure diast|
    diast bp|diastolischer druck|pa min|pressione minima"""
)
MEAN = _names(
    """bp mean|blood pressure mean|mean pressure|blutdruck mittel|blutdruck mean|mitteldruck|
    mean blood pressure|平均压"""
)
