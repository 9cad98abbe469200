"""Names and titles of many languages, as old tags have them: artist, title and album, a file a line."""

from __future__ import annotations

Names = tuple[str, ...]

# In Latin-1 or CP1252: to be left as they are. Texts of one file are parted by " | ".
WESTERN: dict[str, str] = {
    "Icelandic": """
        Björk | Jóga | Homogenic
        Björk | Það er ekkert að óttast
        Sigur Rós | Ágætis byrjun | Ágætis byrjun
        Sigur Rós | Með suð í eyrum við spilum endalaust
        Sigur Rós | Svefn-g-englar
        Þursaflokkurinn | Þögull eins og meirihlutinn í Alþingi | Þursabit
        Þursaflokkurinn
        Ólafur Arnalds | Þú ert jörðin | ...og þau hafa sloppið undan þunga myrkursins
        Jóhann Jóhannsson | Flugeldar II
        Mezzoforte | Garðveislan
        Blöndal
        Ásgeir Trausti | Dýrð í dauðaþögn | Dýrð í dauðaþögn
        Emilíana Torrini | Ó
        Hljómar | Bláu augun þín
        Sálin hans Jóns míns | Þú færð bros
        Ðe lónlí blú bojs | Heim í Búðardal
        Skálmöld | Árás | Börn Loka
        Sólstafir | Ótta | Ótta
        Sólstafir | Fjara | Svartir sandar
        Bubbi Morthens | Blindsker
        GusGus | Þú átt það
        Ylja | Út
        Bríet | Esjan
        Kælan Mikla | Kalt
        Björgvin Halldórsson | Ég veit þú kemur
    """,
    "Norwegian and Danish": """
        Øystein Sunde | Kjekt å ha | Kjekt å ha
        Røyksopp | Så lett å være
        Mørketid | Når natten kommer
        Bjørn Afzelius
        Halvdan Sivertsen | Kjærlighetsvisa
        Åge Aleksandersen | Lys og varme
        Ole Paus | Innerst i sjelen
        DumDum Boys | Stjernesludd
        Jan Garbarek | Rites
        Mari Boine | Gula Gula
        Kim Larsen | Papirsklip | Værsgo
        Kim Larsen | De smukke unge mennesker
        Gasolin' | Rabalderstræde
        Sanne Salomonsen | Kærligheden kalder
        Nephew | Igen & igen &
        Bøhse Onkelz
        Ærø
        Ø
        Sød musik
        Søren Sko | Nå
        Lukas Graham
        Volbeat | For evigt
        TV-2 | De første kærester på månen
        Å
        Ånd | Ærlig talt
        Møl | Jord
        Bel Canto | Rumour
        Høyt henger de
        Ulver | Høyfjeldsbilde | Kveldssanger
        Ulver | Østenfor sol og vestenfor måne
        Týr | Ormurin langi | How Far to Asgaard
        Eivør Pálsdóttir | Trøllabundin | Eivør
        Teitur | Káta hornið
        KVELERTAK | BLODTØRST
        ÅH ÅH ÅH
        KÆMPE
    """,
    "Swedish": """
        Håkan Hellström | Känn ingen sorg för mig Göteborg
        Kent | Kärleken väntar | Isola
        Kent | 747
        Björn Skifs | Håll mitt hjärta
        Evert Taube | Så skimrande var aldrig havet
        Cornelis Vreeswijk | Ångbåtsblues
        Garmarna | Herr Mannelig | Guds spelemän
        Ainbusk Singers | Älska mig
        Åsa Jinder | Av längtan till dig
        Kraja | Vackert väder
        Änglagård | Jordrök | Hybris
        Träd, Gräs och Stenar | Sanningens silverflod
        Bo Hansson | Färden till Mörkerskogen
        Mando Diao | Strövtåg i hembygden
        Wiehe | Flickan och kråkan
        Ö
        Öppna landskap
        BLÅ ÖGON
        Lars Winnerbäck | Söndermarken | Söndermarken
        Magnus Uggla | Örat mot marken
    """,
    "Finnish and Estonian": """
        Värttinä | Äijö | Ilmatar
        Värttinä | Käppee
        Eppu Normaali | Näin kulutan aikaa
        Yö | Rakkaus on lumivalkoinen
        Leevi and the Leavings | Pohjois-Karjala
        Hassisen Kone | Rappiolla
        Ismo Alanko | Kun Suomi putos puusta
        Kotiteollisuus | Minä olen
        Mokoma | Hei hei heinäkuu
        Pärssinen | Hääyö
        Jäääär
        Moonsorrow | Jäästä syntynyt / Varjojen virta
        Sielun Veljet | Hän
        Äiti
        Öylätti
        YÖ
        Metsatöll | Hundi loomine | Iivakivi
        Metsatöll | Küü
        Arvo Pärt | Für Alina | Alina
        Veljo Tormis | Jaanilaulud
        Tõnis Mägi | Koit
        Mari-Leen | Õnnelik
        Ruja | Õhtunägemus | Põhi, lõuna, ida, lääs ...
        Singer Vinger | Mõned ööd
        Trad.Attack! | Kuukene, õekene
    """,
    "German": """
        Die Ärzte | Männer sind Schweine | 13
        Die Ärzte
        Herbert Grönemeyer | Männer | 4630 Bochum
        Einstürzende Neubauten | Haus der Lüge
        Kraftwerk | Das Modell | Die Mensch·Maschine
        Rammstein | Führe mich | Liebe ist für alle da
        Motörhead | Ace of Spades
        MOTÖRHEAD
        Mötley Crüe | Shout at the Devil
        Mötley Crüe
        Hüsker Dü | New Day Rising
        Queensrÿche | Silent Lucidity
        Blue Öyster Cult | (Don't Fear) The Reaper
        Fußball ist immer noch wichtig
        Größenwahn
        Die Toten Hosen | Schönen Gruß, auf Wiederseh'n
        Xavier Naidoo | Dieser Weg
        Tocotronic | Drüben auf dem Hügel
        Wir sind Helden | Müssen nur wollen
        Peter Fox | Schüttel deinen Speck
        Geschwister Hofmann | Süße Träume
        Johann Strauß | An der schönen blauen Donau
        Franz Schubert | Der Lindenbaum | Die schöne Müllerin
        Max Müller | Öl
        Türen
        ÜBER SIEBEN BRÜCKEN MUSST DU GEHN
        Höhner | Viva Colonia
        BAP | Verdamp lang her
        Köln
        Äpfel & Öl | Übung
        Spider Murphy Gang | Skandal im Sperrbezirk
        Ænima
        Tool | Ænema | Ænima
    """,
    "French": """
        Françoise Hardy | Tous les garçons et les filles
        Françoise Hardy | Comment te dire adieu
        Édith Piaf | Non, je ne regrette rien
        Édith Piaf | L'Hymne à l'amour
        Noir Désir | Le vent nous portera | Des visages des figures
        Céline Dion | S'il suffisait d'aimer
        Beyoncé | Déjà Vu | B'Day
        BEYONCÉ
        Serge Gainsbourg | Initials B.B. | Histoire de Melody Nelson
        Hélène Ségara | Il y a trop de gens qui t'aiment
        Téléphone | Ça (c'est vraiment toi)
        Téléphone | Cendrillon
        Ça
        À la claire fontaine
        À
        Zaz | Éblouie par la nuit
        M83 | Où vas-tu
        Air | Sexy Boy | Moon Safari
        Noël Gallagher
        Naïve
        NAÏVE
        Cœur de pirate | Comme des enfants
        L'œil
        Mylène Farmer | Désenchantée | L'Autre...
        Emilie Simon | Végétal
        Jacques Brel | Ne me quitte pas
        Étienne Daho | Week-end à Rome | La notte, la notte
        Créée
        Stromae | Alors on danse
        Sébastien Tellier | La Ritournelle
        Maître Gims | J'me tire
        Têtes Raides | Ginette
        Bérurier Noir | Salut à toi
        Aÿ
        À bientôt
        Zoé | Là
        Chœur d'enfants | Noël à Paris
        L’été indien | Joe Dassin
    """,
    "Spanish and Catalan": """
        Café Tacvba | La ingrata | Re
        Café Tacuba | Ojalá que llueva café
        Maná | Corazón espinado
        Maná
        Julio Iglesias | Un canto a Galicia
        Héroes del Silencio | Entre dos tierras | Senderos de traición
        Joaquín Sabina | 19 días y 500 noches
        Luz Casal | Piensa en mí
        Alejandro Sanz | Corazón partío | Más
        José José | El triste
        Juan Gabriel | Así fue
        Los Ángeles Azules | Cómo te voy a olvidar
        Calle 13 | Muerte en Hawaii
        Natalia Lafourcade | Hasta la raíz
        Ñu
        Ñ
        El Niño Gusano | Qué mapa tan extraño
        Año nuevo
        ¡Adiós!
        ¿Dónde estás, corazón?
        ¿Quién?
        ¡Ay, Carmela! | ¡Viva la Quinta Brigada!
        Lluís Llach | L'estaca
        Els Pets | Bondia
        Raül Refree | L'últim
        Antònia Font | Alegria
        Sopa de Cabra | L'Empordà
        SEÑORITA
        CORAZÓN
        MÁS
        Sílvia Pérez Cruz | Mañana
        Agustín Lara | María bonita
        Chavela Vargas | Paloma negra
        Manu Chao | Me gustas tú | Próxima estación: Esperanza
        Aventura | Obsesión
    """,
    "Portuguese": """
        João Gilberto | Chega de saudade
        Amália Rodrigues | Estranha forma de vida
        António Variações | Canção de engate | Dar & Receber
        Caetano Veloso | Sampa | Circuladô
        Os Mutantes | Ando meio desligado
        Tom Jobim | Águas de março
        Ação
        Coração
        CORAÇÃO
        CANÇÕES
        Canções de amor
        Legião Urbana | Índios | Dois
        Engenheiros do Hawaii | O Papa é pop
        Mariza | Ó gente da minha terra | Fado em mim
        Madredeus | O pastor | Existir
        Chico Buarque | Construção | Construção
        Jorge Ben | País tropical
        Os Paralamas do Sucesso | Óculos
        Sérgio Mendes | Mas que nada
        Cássia Eller | Malandragem
        Zeca Baleiro | Lenha
        Titãs | Epitáfio
        Chitãozinho & Xororó | Evidências
        São João
        Não
        NÃO
        Avós e netos
        Três caravelas
    """,
    "Others": """
        Sinéad O'Connor | Nothing Compares 2 U
        Sinéad O’Connor | I Do Not Want What I Haven’t Got
        Clannad | Dúlamán | Dúlamán
        Enya | Na Laetha Geal M'Óige | Watermark
        Altan | Dún Do Shúil
        Róisín Murphy | Overpowered
        Tír na nÓg
        Dé hAoine
        Zoé | Sónar
        Zucchero | Così celeste
        Eros Ramazzotti | Più bella cosa | Dove c'è musica
        Lucio Battisti | Il mio canto libero
        Mina | Città vuota
        Perché no
        PERCHÉ
        Fabrizio De André | Crêuza de mä | Crêuza de mä
        Andrea Bocelli | Con te partirò
        Ludovico Einaudi | Una mattina
        Mikel Laboa | Txoria txori
        Dalida | Gigi l’amoroso
        Eluveitie | Inis Mona
        Ghymes
        Shqipëri | Këngë
        Vëllezërit | Çel
        Tiësto | Adagio for Strings
        Chloë Sevigny | Zoë
        Brontë
        Ensiferum | Häväitty
        Sunn O))) | Aghartha | Monoliths & Dimensions
        Sigur Rós | ( ) | ( )
        Mew | Am I Wry? No
        Boys Noize | ÖI OI OI | ÖI OI OI
        Rosalía | Malamente | El mal querer
        Röyksopp
        Dungen | Ta det lugnt
        Mikael Åkerfeldt
        Léo Ferré | Avec le temps
        Ágnes
        † | †
        Justice | † | †
        Dvorak | Symphony No. 9
        °C | 25°
        45° | Live
        ½ | 2½
        8½ | La passerella di 8½
        © 1999
        Copyright © 2001 Édition
        ® | ™
        Prince | £ | €
        M² | x³
        Ke$ha | TiK ToK
        A$AP Rocky | L$D
        “Heroes” | David Bowie
        David Bowie | “Heroes” | “Heroes”
        Rock ’n’ Roll
        Guns N’ Roses | Don’t Cry
        Don’t Stop ’Til You Get Enough
        Untitled – Part 2
        Foo — Bar
        Wait…
        …And Justice for All
        Mulholland Drive · Live
        «Les mots»
        »Zauber«
        a ± b
        10 × 10
        µ-Ziq | Brace Yourself Jason | Lunatic Harness
        µ
        §
        ¥€$
        ¡Forward, Russia!
        !!! | ¡¡¡
        ÆON FLUX
        Æ
        ßü
        Ÿ
        Ångström
        ÅÄÖ
        äöü
        ÄÖÜ
        éèê
        Ünïcödë
        Mötörhëäd
        Spinal Täp
        Green Jellÿ
        Lääz Rockit
        Crëam
        The Accüsed
        Dälek | Absence
        Maxïmo Park
        Dëad Sëa
        Änimäl
        Ümlaut Överkill
        Leftöver Crack
        Aphex Twin | Ageispolis
        Autechre | VI Scose Poise
        Boards of Canada | Pete Standing Alone
        Ø | Röntgen
        Mika Vainio | Kävely
        Pan Sonic | Vähentäjä
        Çifteler | Müzik
        Coil | A.Y.O.R.
    """,
}

# Each language with the encodings in which its old tags are.
LEGACY: dict[str, tuple[tuple[str, ...], str]] = {
    "Russian": (("cp1251", "koi8-r", "cp866"), """
        Кино | Группа крови | Группа крови
        Кино | Звезда по имени Солнце
        Аквариум | Город золотой | Десять стрел
        ДДТ | Это всё | Любовь
        Алиса | Мы вместе
        Наутилус Помпилиус | Прогулки по воде | Чужая земля
        Земфира | Искала | Прости меня моя любовь
        Мумий Тролль | Владивосток 2000 | Морская
        Сплин | Выхода нет | Гранатовый альбом
        Владимир Высоцкий | Кони привередливые
        Булат Окуджава | Молитва
        Ария | Беспечный ангел
        Король и Шут | Лесник
        Би-2 | Полковник
        Ленинград | WWW
        Гражданская оборона | Всё идёт по плану
        Чиж & Co | О любви
        Агата Кристи | Как на войне
        Машина времени | Поворот
        Алла Пугачёва | Миллион алых роз
        ВИА Гра | Попытка №5
        МОЯ МИШЕЛЬ | Дура
        Звери | Дожди-пистолеты
        Тату | Нас не догонят
    """),
    "Ukrainian": (("cp1251",), """
        Океан Ельзи | Без бою | GLORIA
        Скрябін | Місця щасливих людей
        Воплі Відоплясова | Весна
        ДахаБраха | Колискова
        Тартак | Наше літо
        Квітка Цісик | Я піду в далекі гори
        Плач Єремії | Вона
        Бумбокс | Вахтерам
        Руслана | Дикі танці
        Друга Ріка | Вже не сам
    """),
    "Bulgarian and Serbian": (("cp1251",), """
        Щурците | Двама | Вкусът на времето
        ФСБ | Обичам те дотук
        Лили Иванова | Ветрове
        Ахат | Черната овца
        Емил Димитров | Моя страна, моя България
        Бијело дугме | Ђурђевдан
        Ђорђе Балашевић | Ђурђевдан
        Рибља чорба | Остани ђубре до краја
        Здравко Чолић | Ти си ми у крви
    """),
    "Greek": (("cp1253", "iso8859-7"), """
        Μίκης Θεοδωράκης | Ζορμπάς
        Μάνος Χατζιδάκις | Τα παιδιά του Πειραιά
        Χάρις Αλεξίου | Όλα σε θυμίζουν
        Γιώργος Νταλάρας | Πάγωσε η τσιμινιέρα
        Άννα Βίσση | Δώδεκα
        Πυξ Λαξ | Μοναξιά μου όλα
        Ελευθερία Αρβανιτάκη | Δυνατά
        Νίκος Παπάζογλου | Αύγουστος
        Τρύπες | Δε χωράς πουθενά
        ΣΤΕΛΙΟΣ ΚΑΖΑΝΤΖΙΔΗΣ | ΥΠΑΡΧΩ
    """),
    "Hebrew": (("cp1255",), """
        שלום חנוך | מחכים למשיח
        נעמי שמר | ירושלים של זהב
        כוורת | שיר המכולת
        עופרה חזה | שיר הפרחה
        אריק איינשטיין | אני ואתה
        אביב גפן | לבכות לך
        שלמה ארצי | תרקוד
        עידן רייכל | ממעמקים
    """),
    "Arabic": (("cp1256",), """
        أم كلثوم | إنت عمري
        فيروز | نسم علينا الهوا
        عبد الحليم حافظ | قارئة الفنجان
        عمرو دياب | نور العين
        محمد عبد الوهاب | كليوباترا
        ماجدة الرومي | كلمات
        نجاة الصغيرة | عيون القلب
    """),
    "Thai": (("cp874",), """
        คาราบาว | เมดอินไทยแลนด์
        เบิร์ด ธงไชย | สบาย สบาย
        บอดี้สแลม | ความเชื่อ
        โมเดิร์นด็อก | บุษบา
        ลาบานูน | ยาม
        พงษ์สิทธิ์ คำภีร์ | ตลอดเวลา
    """),
    "Japanese": (("cp932", "euc-jp"), """
        椎名林檎 | ギブス | 無罪モラトリアム
        椎名林檎 | 本能
        宇多田ヒカル | 光
        宇多田ヒカル | First Love
        サザンオールスターズ | いとしのエリー
        スピッツ | ロビンソン | ハチミツ
        スピッツ | 空も飛べるはず
        中島みゆき | 糸
        松任谷由実 | ひこうき雲
        坂本龍一 | 戦場のメリークリスマス
        久石譲 | 風の伝説 | 風の谷のナウシカ
        久石譲 | あの夏へ
        浜崎あゆみ | 曲目
        坂本九 | 上を向いて歩こう
        ゆらゆら帝国 | 空洞です
        フィッシュマンズ | ナイトクルージング
        ザ・ブルーハーツ | リンダリンダ
        はっぴいえんど | 風をあつめて | 風街ろまん
        大滝詠一 | 君は天然色
        美空ひばり | 川の流れのように
        中森明菜 | 少女A
        東京事変 | 群青日和
        くるり | ばらの花
        ＢＵＭＰ | 天体観測
        米津玄師 | Lemon
        初音ミク | 千本桜
        渡辺貞夫 | 夕陽
        井上陽水 | 少年時代
    """),
    "Chinese, simplified": (("gbk",), """
        周杰伦 | 青花瓷 | 我很忙
        周杰伦 | 七里香
        周杰伦 | 稻香
        王菲 | 红豆 | 唱游
        王菲 | 传奇
        邓丽君 | 月亮代表我的心
        邓丽君 | 甜蜜蜜
        陈奕迅 | 十年
        崔健 | 一无所有 | 新长征路上的摇滚
        朴树 | 那些花儿
        许巍 | 蓝莲花
        刘德华 | 忘情水
        张学友 | 吻别
        孙燕姿 | 遇见
        田震 | 执著
        窦唯 | 高级动物 | 黑梦
        唐朝乐队 | 梦回唐朝
        李健 | 贝加尔湖畔
        刀郎 | 2002年的第一场雪
        五月天 | 倔强
        蔡琴 | 被遗忘的时光
        罗大佑 | 童年
    """),
    "Chinese, traditional": (("big5",), """
        周杰倫 | 青花瓷 | 我很忙
        周杰倫 | 七里香
        王菲 | 紅豆 | 唱遊
        鄧麗君 | 月亮代表我的心
        陳奕迅 | 十年
        五月天 | 倔強
        張惠妹 | 聽海
        羅大佑 | 童年
        李宗盛 | 山丘
        伍佰 | 浪人情歌
        Beyond | 海闊天空
        梅艷芳 | 似水流年
        張國榮 | 當愛已成往事
        蔡依林 | 舞孃
        孫燕姿 | 遇見
        林憶蓮 | 至少還有你
        劉若英 | 後來
        許茹芸 | 如果雲知道
    """),
    "Korean": (("cp949",), """
        김건모 | 핑계
        김건모 | 잘못된 만남
        서태지와 아이들 | 난 알아요
        서태지와 아이들 | 발해를 꿈꾸며
        김광석 | 서른 즈음에
        이문세 | 옛사랑
        조용필 | 돌아와요 부산항에
        조용필 | 단발머리
        신승훈 | 보이지 않는 사랑
        이선희 | J에게
        이승환 | 천일동안
        유재하 | 사랑하기 때문에
        들국화 | 그것만이 내 세상
        소녀시대 | 다시 만난 세계
        빅뱅 | 거짓말
        아이유 | 좋은 날
        보아 | 아틀란티스 소녀
        산울림 | 아니 벌써
        김현식 | 내 사랑 내 곁에
        양희은 | 아침이슬
    """),
    "Polish": (("cp1250", "iso8859-2"), """
        Małgorzata Ostrowska | Meluzyna
        Kult | Arahja | Spokojnie
        Myslovitz | Długość dźwięku samotności
        Niemen | Dziwny jest ten świat
        Republika | Biała flaga
        Lady Pank | Mniej niż zero
        Grzegorz Turnau | Bracka
        Edyta Bartosiewicz | Sen
        Dżem | Whisky
        Kora | Kocham cię, kochanie moje
    """),
    "Czech and Slovak": (("cp1250", "iso8859-2"), """
        Antonín Dvořák | Z nového světa
        Jaromír Nohavica | Když mě brali za vojáka
        Karel Kryl | Bratříčku, zavírej vrátka
        Lucie | Černí andělé
        Kabát | Pohoda
        Elán | Voda čo ma drží nad vodou
        Jožo Ráž | Neviem byť sám
    """),
    "Hungarian": (("cp1250", "iso8859-2"), """
        Omega | Gyöngyhajú lány
        Locomotiv GT | Gondolj rám
        Illés | Miért hagytuk, hogy így legyen
        Kispál és a Borz | Ha az életben
        Quimby | Most múlik pontosan
        Tankcsapda | Mennyország Tourist
        Zorán | Kell ott fenn egy ország
        Presser Gábor | Nagy utazás
        Edda Művek | A kör
    """),
    "Turkish": (("cp1254",), """
        Barış Manço | Dağlar Dağlar
        Sezen Aksu | Gülümse
        Tarkan | Şımarık
        Zeki Müren | Şimdi uzaklardasın
        Ajda Pekkan | Petrol
        Teoman | İstanbul'da sonbahar
        Duman | Her şeyi yak
        Cem Karaca | Islak ıslak
    """),
}  # fmt: skip


def files(text: str) -> list[Names]:
    """The texts of each file, one file a line."""
    return [tuple(line.strip().split(" | ")) for line in text.strip().splitlines()]
