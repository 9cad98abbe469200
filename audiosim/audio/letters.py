"""How likely a text is, in bits, if it is of a given writing: what tells which encoding bytes are in.

A character costs the more bits the rarer it is in the names and titles of its writing, by its place in the
lists below, and more where it stands as it hardly ever does: a capital within a word, Cyrillic beside Latin
letters, three accents in a row. ASCII costs the same in all, but may be the half of a character in some.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

# By frequency, the commonest first.
WESTERN = "éöáíüóäèçãâñøåêúôàëõîïæûðìòùßýœšžþÿ"
CENTRAL = "áíéěčšžýřůúłąęóżśćńźöüőűďťňôäľĺŕşţăâîđ"
CYRILLIC = "оаеинтсрлвкмдупяыьгзбчйхжшюцщэфъёіїєґјћљњђџўѓќѕ"
GREEK = "αοιετσνηυρπκμλςίόδάγήέωύθχφβξζώψϊϋΐΰ"
HEBREW = "יוהלאבתמרשנעםדחקפגכטזסןצךףץ"
ARABIC = "اليمنروتبةعدسفهكقحجشىطصخأزءضذئغثآظؤإپچژگ"
THAI = "านรอกเงมยลวดทสตะปบคหแจพชขใไโผถซณศภธัิี่้ำุูึ์็ืฐษญฟฝฉฤฬฮฆๆฏฎฒฌํฯ"
KANA = (
    "のいなんたしをてにかるとはがでらうまあこさりきくれもっよすみそつねけわろえおせだやちどめばむ"
    "ンーラスイリルトアクレシタカマロッドコナニハキミフサテムチオネジプバデメノウグビホブモエセソワヒ"
    "ダトヤガユュャョェィヴケツヘボベパポペザゴギヨゲズゼゾヌびゆほぶべぼざじずぜぞぐぎげごへひふぬゃゅょぃ"
)
HANZI = (
    "的一是不了在人有我他这個个们中来上大為为和國国地到以說说時时要就出會会可也你對对生能而子那得于着下自之年"
    "過过發发後后作里裡用道行所然家種种事成方多經经么去法學学如都同現现當当沒没動动面起看定天分還还進进好小部其些"
    "主樣样理心她本前開开但因只從从想實实日軍军者意無无力它與与長长把機机十民第公此已工使情明性知全三又關关點点"
    "正業业外將将兩两高間间由問问很最重並并物手應应戰战向頭头文體体政美相見见被利什二等產产或新己制身果加西斯月"
    "話话合回特代內内信表化老給给世位次度門门任常先海通教兒儿原東东聲声提立及比員员解水名真論论處处走義义各入幾几"
    "口認认條条平系氣气題题活爾尔更別别打女變变四神總总何電电數数安少報报才結结反受目太量再感建務务做接必場场"
    "件計计管期市直德資资命山金指克許许統统區区保至隊队形社便空決决治展馬马科司五基眼書书非則则聽听白卻却界達达"
    "光放強强即像難难且權权思王象完設设式色路記记南品住告類类求據据程北邊边死張张該该交規规萬万取拉格望覺觉術术"
    "領领共確确傳传師师觀观清今切院讓让識识候帶带導导爭争運运笑飛飞風风步改收根干造言聯联持組组每濟济車车親亲"
    "極极林服快辦办議议往元英士證证近失轉转夫令準准布始怎呢存未遠远叫台單单影具羅罗愛爱擊击流備备兵連连調调深"
    "算質质團团集百需價价花黨党華华城石級级整府離离況况亞亚請请技際际約约示復复病息究線线似官火斷断精滿满支視视"
    "消越器容照須须九增研寫写稱称企八功嗎吗包片史委乎查輕轻易早曾除農农找裝装廣广顯显吧阿李標标談谈吃圖图念六"
    "引歷历首醫医局突專专費费號号盡尽另周較较注語语僅仅考落青隨随選选列武紅红響响雖虽推勢势參参希古眾众構构房半"
    "節节土投某案黑維维革劃划敵敌致陳陈律足態态護护七興兴派孩驗验責责營营星夠够章音跟志底站嚴严巴例防族供效續续"
    "施留講讲型料終终答緊紧黃黄絕绝奇察母京段依批群項项故按河米圍围江織织害鬥斗雙双境客紀纪採采舉举殺杀攻父蘇苏"
    "密低朝友訴诉止細细願愿千值仍男錢钱破網网熱热助倒育屬属坐帝限船臉脸職职速刻樂乐否剛刚威毛狀状率甚獨独球般普"
    "夢梦雨雪雲云夜歌曲情戀恋淚泪吻醉酒桃蘭兰楓枫菲倫伦傑杰霆鋒锋慧珍玲嵐蔡鄧邓麗丽君劉刘郭富孫孙燕姿田震崔健"
    "許许巍朴樹树鄭郑智冠希張惠妹鳳凤凰傳奇屋頂顶故鄉乡街角麥麦芽糖瓷菊台稻香髮雪龍龙蝴蝶橋桥舞思念遺遗憾忘"
    "祝福朋友永恆恒幸寂寞孤單溫温柔勇敢自由翼翅膀彩虹陽阳灣湾港島岛浪漫甜蜜蜜童話春夏秋冬暖陰阴霧雾煙烟"
    "桜涙恋愛歌姫君僕俺私空海夏冬春秋夜朝光闇夢花風雨雪月星赤青白黒心音楽戦場国島崎井川村松本原藤鈴木佐高橋渡"
    "辺伊斎坂福宇多椎林檎浜中森明菜尾聖子谷由実奏球虹街道旅路人形劇蒼紅桃祭伝説物語約束永遠世界未来時代少年女"
    "亮唱遇游遊忙豆蓝藍莲蓮湖貝贝若梅艳艷芳荣榮宗盛唐摇搖滚滾执執琴香雲酒舞鞋梁祝泪雁燕雀狼羊牛馬鱼魚虎兔猫貓狗"
    "罪円舞曲無気声絆翼鳥蝶悲喜笑顔手紙電車駅窓部屋鏡嘘真実幻想悪魔天使神戦士勇者友達毎日今昨明瞬間終始"
)
HANGUL = (
    "이다의는에가을고하지로한사나기도은리를자어들인대해아시라과그서스수정부보전일제내있게만여원주상장성우러면오"
    "음말마안모생동무조연신소미물김건박최강윤임송황홍유양남민영현승진준석철호희경혜선숙순옥랑너눈꽃비밤별늘바람노"
    "래추억길겨울름봄때문없는것날같던게왜못잊혼당와께않아파품속녀친구곳처럼까워져야요네데거니두더된될죽살집방"
    "문학교실위번째중간편트드즈크프르버터디카피키티파치페토포푸하이클럽밴드백지영태조용필심규변핑계슬픔기쁨웃"
    "음행복약속편지이별만남첫운명천국천사거짓말하루오늘내일어제청춘인생세월세상작은큰새나무달빛햇살구름산강바"
    "다섬도시서울부산광주항구역전차창가슴마음몸손발입술귀머리얼굴붉노란파란하얀검은흰색들판들녘외로움그리움"
)
DOUBLED = frozenset("äöüõåéiøao")  # letters that stand twice in a row
BESIDE = "çãçõößüßäßöðóðáðíðúðæðþóþáþíþæþöðáðóíóüëøy"
PAIRS = frozenset(BESIDE[place : place + 2] for place in range(0, len(BESIDE), 2))  # no stranger in a row
APOSTROPHE = "\u2019"
MARKS = "’‘“”„–—…´\u00a0"  # within and around words
SIGNS = "°½¼¾©®™²³¹·«»¿¡£€§×÷±µ†•¢¥ªº"  # beside them

FINAL, NOT_FINAL = frozenset("ςךםןףץ"), frozenset("σכמנצ")  # letters that end words, and that don't
WIDE_SIGNS = "\u3000、。・「」『』〜～ー々【】《》…―"

UNLIKELY, ABSURD = 12.0, 25.0  # bits: a character of no list; one that is none
JOIN = 4.0  # one accent after another
MISFIT = 6.0  # a capital within a word, letters of two writings in one
WIDE_SIGN = UNSEEN = 8.0
PLAIN, ODD = 4.0, 9.0  # an ASCII letter, digit or usual sign; another ASCII sign
USUAL = frozenset(" '-.,!?&()/:")

Cost = Callable[[str], float]  # bits of a character


def _ranked(letters: str, share: float = 1.0, other: Cost | float = UNLIKELY) -> Cost:
    """Costs by the place in a list that covers a share of all characters."""
    order = {letter: place for place, letter in enumerate(dict.fromkeys(letters))}
    total = sum(1 / (place + 3) for place in order.values()) / share
    costs = {letter: math.log2((place + 3) * total) for letter, place in order.items()}
    return lambda letter: costs.get(letter) or (other(letter) if callable(other) else other)


def _alphabet(letters: str) -> Cost:
    """Costs by the place in a list: each letter is a tenth rarer than the one before."""
    order = {letter: place for place, letter in enumerate(dict.fromkeys(letters))}
    return lambda letter: 3.4 - math.log2(0.9) * order[letter] if letter in order else UNLIKELY


def _rows(encoding: str, *tiers: tuple[int, float]) -> Cost:
    """Costs by the first byte in an encoding that has common characters first."""

    def cost(character: str) -> float:
        try:
            first = character.encode(encoding)[0]
        except UnicodeEncodeError:
            return ABSURD
        return next((bits for end, bits in tiers if first < end), ABSURD)

    return cost


@dataclass(frozen=True)
class Writing:
    """What the texts of some languages look like.

    Parameters
    ----------
    cost : callable
        Bits of a small letter, or of a character that has no case.
    latin : bool
        Whether its letters stand among ASCII ones.
    wide : bool
        Whether a character is a syllable or word.
    rarity : float
        Bits more than of usual encodings.
    """

    cost: Cost
    latin: bool = False
    wide: bool = False
    rarity: float = 0.0


def _hanzi(rest: Cost) -> Writing:
    return Writing(_ranked(HANZI, 0.8, rest), wide=True)


def _japanese(character: str) -> float:
    kana = _KANA(character)
    return kana if kana < UNLIKELY else 1.0 + _KANJI(character)


_KANA = _ranked(KANA, 0.6)
_KANJI = _ranked(
    HANZI, 0.85, _rows("cp932", (0x81, 16.0), (0x98, 14.0), (0xA0, 18.5), (0xE0, 22.0), (0xEB, 18.5))
)
WRITINGS: dict[str, Writing] = {
    "cp1252": Writing(_alphabet(WESTERN), latin=True),
    "cp1251": Writing(_alphabet(CYRILLIC)),
    "koi8-r": Writing(_alphabet(CYRILLIC), rarity=2.0),
    "cp866": Writing(_alphabet(CYRILLIC), rarity=2.0),
    "cp1253": Writing(_alphabet(GREEK), rarity=1.0),
    "iso8859-7": Writing(_alphabet(GREEK), rarity=1.0),
    "cp1255": Writing(_alphabet(HEBREW), rarity=1.0),
    "cp1256": Writing(_alphabet(ARABIC), rarity=1.0),
    "cp874": Writing(_ranked(THAI), rarity=1.0),
    "cp1250": Writing(_alphabet(CENTRAL), latin=True, rarity=2.0),
    "iso8859-2": Writing(_alphabet(CENTRAL), latin=True, rarity=2.0),
    "cp932": Writing(_japanese, wide=True),
    "euc-jp": Writing(_japanese, wide=True, rarity=3.0),
    "gbk": _hanzi(_rows("gbk", (0xB0, 18.0), (0xD8, 13.5), (0xF8, 18.0))),
    "cp950": _hanzi(_rows("cp950", (0xA4, 18.0), (0xC7, 14.0), (0xFA, 19.0))),
    "cp949": Writing(
        _ranked(HANGUL, 0.9, _rows("cp949", (0xB0, 19.0), (0xC9, 14.0), (0xFE, 19.0))), wide=True
    ),
}


def bits(text: str, writing: Writing) -> float:
    """Tell how many bits a text costs in a writing."""
    around = f"  {text} "
    total = 0.0
    for place, character in enumerate(text):
        if character.isascii():
            total += PLAIN if character.isalnum() or character in USUAL else ODD
        else:
            total += _bits(around[place : place + 2], character, around[place + 3], writing)
    return total


def _bits(two: str, character: str, after: str, writing: Writing) -> float:
    """Of a character after `two` others."""
    before = two[1]
    latin_beside = sum(other.isascii() and other.isalpha() for other in (before, after))
    kind = unicodedata.category(character)
    if kind[0] == "C":  # but for signs of direction and the like
        return UNSEEN if kind == "Cf" else ABSURD
    if writing.wide and (character in WIDE_SIGNS or "\uff01" <= character <= "\uff5e"):
        return WIDE_SIGN + latin_beside * MISFIT / 2
    if kind[0] not in "LM":
        return _of_sign(before, character, after)
    total = writing.cost(character.lower()) + _of_case(two, character)
    if character in FINAL if after.isalpha() else character in NOT_FINAL:
        total += MISFIT
    if writing.latin and (character < "\u0250" or "\u1e00" <= character <= "\u1eff"):  # Latin letters
        return total + _of_accent(before, character)
    return total + latin_beside * (MISFIT / 2 if writing.wide else MISFIT)


def _of_case(two: str, character: str) -> float:
    """Words begin with a capital or are all capitals; small ones are as good within them."""
    if character != character.lower():
        return MISFIT if two[1].islower() else 0.3
    if not character.islower() or (two[1].isalpha() and not (two.isupper() and two.isalpha())):
        return 0.0
    return MISFIT if two[1].isalpha() else 1.0


def _of_accent(before: str, character: str) -> float:
    if before.isascii() or not before.isalpha():
        return 0.0
    pair = (before + character).lower()
    return JOIN / 4 if pair in PAIRS or (pair[0] == pair[1] and pair[0] in DOUBLED) else JOIN


def _of_sign(before: str, character: str, after: str) -> float:
    if character in MARKS:
        return 5.0 if character == APOSTROPHE or not (before.isalpha() and after.isalpha()) else 9.0
    alone = not before.isalpha() and (not after.isalpha() or character in "¡¿«")
    return (6.0 if alone else 9.0) if character in SIGNS else UNLIKELY + (0.0 if alone else 3.0)
