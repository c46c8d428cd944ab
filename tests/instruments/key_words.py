"""Key words of a short text: stems of what is left without function words and a few very common helpers."""

from __future__ import annotations

import re
from functools import cache

import snowballstemmer

FUNCTION = """
    a an the to of in on at by for from with without within into onto over under until till before after while when
    whenever where wherever who whom whose which that though although and or but not no nor so as if than then there
    it its his her hers him he she they them their theirs itself himself herself themselves one ones oneself another
    other others all every each any some none neither either both few many more most much less least such same own
    very too quite also only even still yet never ever always again already rather just almost nearly once twice
    thrice is are was were be been being am has have had having do does did done doing can cannot could would should
    may might must will shall up down off out away back through throughout against between among across around about
    upon beside besides behind beyond toward towards near above below beneath inside outside along alongside past
    despite instead except like unlike because since whether whatever whoever how why what this these those here else
    apart together alone nothing nobody everyone everything anyone anything someone something whole everybody anybody
    somebody nowhere first last next two three four five six seven eight nine ten half dozen
"""
"""Words that say nothing by themselves: articles, pronouns, prepositions, auxiliaries, small numbers."""
HELPERS = """
    ask boy bring carry child come get girl give go hold keep leave let make man person put say set stand take tell
    turn woman
"""
"""Persons of any kind, and verbs so common that no deed is about them."""
IRREGULAR = """
    men:man women:woman children:child people:person teeth:tooth feet:foot wolves:wolf thieves:thief knives:knife
    wives:wife lives:life loaves:loaf leaves:leave calves:calf geese:goose mice:mouse oxen:ox halves:half given:give
    gave:give took:take taken:take kept:keep made:make left:leave went:go gone:go came:come got:get said:say told:tell
    brought:bring held:hold stood:stand bought:buy sold:sell lent:lend paid:pay broke:break broken:break spoke:speak
    spoken:speak stole:steal stolen:steal froze:freeze frozen:freeze blown:blow fell:fall fallen:fall felt:feel
    knew:know known:know grew:grow grown:grow wrote:write written:write sang:sing sung:sing rang:ring rung:ring
    drank:drink drunk:drink drunken:drink swore:swear sworn:swear wore:wear worn:wear tore:tear torn:tear bore:bear
    slept:sleep asleep:sleep wept:weep lost:lose found:find bound:bind won:win threw:throw thrown:throw drew:draw
    drawn:draw rode:ride ridden:ride rose:rise risen:rise hid:hide hidden:hide ate:eat eaten:eat fed:feed led:lead
    bled:bleed met:meet saw:see seen:see sat:sit heard:hear meant:mean taught:teach caught:catch thought:think
    fought:fight sought:seek built:build sent:send spent:spend dug:dig hung:hang swept:sweep crept:creep dealt:deal
    bent:bend burnt:burn learnt:learn forgot:forget forgotten:forget forgave:forgive forgiven:forgive ran:run
    began:begin begun:begin bitten:bite swam:swim sank:sink sunk:sink shook:shake shaken:shake chose:choose
    chosen:choose drove:drive driven:drive flew:fly flown:fly lain:lie lying:lie laid:lay dying:die dead:die
    shorn:shear sewn:sew sown:sow mown:mow woven:weave wove:weave lit:light beaten:beat fled:flee
"""
"""Forms that no suffix rule finds."""
_LEMMAS = dict(pair.split(":") for pair in IRREGULAR.split())
_PASSED = frozenset(FUNCTION.split())
_stemmer = snowballstemmer.stemmer("english")


def words(text: str) -> list[str]:
    """Words in small letters; a genitive's ending is left out."""
    return [word.removesuffix("'s") for word in re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())]


@cache
def stem(word: str) -> str:
    """The English stem (Porter's second algorithm), after irregular forms and plurals in -men are undone."""
    word = _LEMMAS.get(word, word)
    if word.endswith("men") and len(word) > len("omen"):
        word = f"{word[:-3]}man"
    return str(_stemmer.stemWord(word))


_EMPTY = {stem(word) for word in (*_PASSED, *HELPERS.split())}


def key_words(text: str) -> set[str]:
    """Stems of the content words.

    >>> sorted(key_words("give the drowned fishermen's boats back"))
    ['boat', 'drown', 'fisherman']
    """
    return {stem(word) for word in words(text) if word not in _PASSED} - _EMPTY
