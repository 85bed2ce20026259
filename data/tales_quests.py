"""Plots in which somebody called h sets out. Each has a title, episodes, and an end."""

QUESTS = """
    {k:king}{h:princess}{f:foe}{g=$treasure}# The King's Daughter and the @f.noun

    Once upon a time there was a king (named|called) @k, who had a daughter; her name was @h, and she was $virtue and $virtue2. $sky

    (On the day she was christened|On her sixteenth birthday|When she was still in the cradle) @f.a had come to the gate in the shape of a (pedlar|grey cat|wet nurse) and asked for (bread|shelter|one hair of the child), and the king, who was $vice that day, had said no. "Then I shall come (again|for the rest)," $said the @f.noun, "when the (well|apple tree|clock) in the yard has (run dry|borne $few apples|struck thirteen)."

    And so it (came about|happened). One $month night the @f.noun came, took from the king (his sleep|his voice|the colour of his eyes|his memory), locked it in a @g, and carried it off beyond $far. From that hour @k (sat at the window|knew nobody|did not speak a word), and the (bread rose no more|fountains stopped|dogs would not come in).

    $gossip

    $wander

    The knights rode out (with trumpets|in new boots|one after another) and came back (on foot|by the kitchen door|not at all). Then @h (took off her crown|cut her hair|put on the clothes of a kitchen boy). $oath

    $wander

    $episode

    $wander

    $episode

    So she came to the house of the @f.noun, which was built of (bones and $cloth|black ice|drowned ships|doors that opened on nothing). $heart "(Ah|So|Well), a (kitchen boy|little maid|mouse)," $said the @f.noun. "(Serve me three nights|Beat me at chess|Tell me what I am thinking), and you may choose one thing from my shelf. Fail, and you shall (stand|sit) on it."

    $trial

    On the shelf stood a hundred things, (and all of them shone but one|one more splendid than the next|ninety-nine of them beautiful). @h (thought of her father's hands|shut her eyes|listened) and took the (dullest|smallest|one that was warm), and it was the @g. Then the @f.noun (screamed|shrank|burst like a bubble) and was (a heap of ash|a grey moth|nothing but an old coat), and the house (fell down like a hand of cards|sailed away|melted).

    When she opened the @g at home, the king (yawned and asked for his supper|said her name|wept and laughed). "I dreamed that I had a daughter," he $said, "who (went out as a child|was braver than all my knights)." "(You have|Wake up, then)," said @h.

    He gave her the half of the kingdom, and she gave it (to the kitchen boy whose clothes she had borrowed|back, for she had seen the roads|a new name). $end
    ---
    {h:young}{k:ruler}# Three Riddles at the Court of @k

    $once

    Now it was (cried in the market|nailed to every door) that @k, who ruled in $land, would give (the ferry rights|a castle|half the treasury) to whoever could answer three questions that (the clerks|the bishops|all the professors) could not. But whoever failed must (sweep the stables for seven years|leave his head|wear a bell for ever).

    $gossip $mock

    $wander

    "I have a good (head|stomach) and nothing in it," $said @h.the, "so (there is room for an answer|it cannot be much of a loss)." And $when @h.he set out.

    $wander

    $episode

    $wander

    $episode

    (The court was full|They were all waiting|The hall smelt of candles). "(First|Now then)," said @k, "how (deep is the sea|heavy is the moon|many stars are in the sky)?" "(A stone's throw|One pound, since it has four quarters|As many as there are hairs on my donkey; count them, and I will count those)," said @h.the $softly. $crowd (laughed|held their breath).

    "Second: what is (swifter than a hawk|fatter than the earth|sweeter than honey)?" "(Thought|A harvest after hunger|Sleep)," said @h, "as anyone knows who (has lain awake|has ever been far from home|keeps goats)."

    "And third," said @k, and leaned forward, "what am I thinking?" Then @h.the (smiled|bowed low|took off @h.his cap). "You are thinking that I (am a fool|shall never guess|am better dressed than I was this morning)," @h.he said, "and (there you are mistaken|I would not contradict you)."

    $heart @k (frowned|coughed|turned quite red) and then began to laugh. "Give @h.him what was promised," @k.he $said, "and (a chair beside mine|a bath|some supper)."

    $supper $end
    ---
    {h:young}{b:brother}{c:brother}# The Water That Sings

    $once $sky

    @h had two elder brothers, @b and @c, who were (tall and $vice|as like as two nails|so clever that nothing got done). And when their (mother|father) lay sick, so that (the swallows left the roof|the breath made no mist on the glass), an old woman (looked in at the door|came for an egg) and said $softly, "Nothing will help but the water that sings, which (springs|rises) beyond $far, under $a_tree."

    $wander

    @b went first, and @b rode the (horse|mule). He met a (beggar|wren|lame dog) that asked for a crumb. "(Out of my way|Eat grass)!" said @b, and so (he took the wrong turning|the road tied itself in a knot), and he came to an inn where (the dice were loaded|it was always evening), and stayed.

    Then @c went, and it went no better with him, for @c (asked nobody anything|knew a short cut|stopped to admire himself in a pond).

    $mock $oath

    $wander

    $episode

    $wander

    $episode

    $wander

    $episode

    Under the tree the water sang, and this is what it sang:

    $refrain

    There were (lions|stone men|two old queens) on guard, but (their eyes were shut|they liked the way @h.he whistled|@h.he came in @h.his socks). @h.the filled (a bottle|@h.his cap|an eggshell) and (did not look back|left a button in payment|ran).

    On the way home @h.he (bought @h.his brothers free|found @b and @c in debt and in tears), and they (thanked @h.him|kissed @h.him), and in the night they (changed the bottle|pushed @h.him in the river). But water that sings (will sing only for the one who fetched it|cannot keep a secret): in their hands it (was dumb|croaked|told everything), and when @h.the came (dripping|limping|barefoot) through the door it began again, and the sick one (sat up|asked for soup|laughed).

    "(Shall I forgive them|What shall we do with them)?" $asked @h. "(Let them carry water for a year|Feed them; they are only fools|Let them listen to it)," $said the (mother|old woman|neighbour). $end
    ---
    {h:young}{g=$metal $trinket}{p=$place}{s=(mill|house|tower|inn|castle)}{mood=eerie}# The Haunted @s of @p

    There was a @s at @p where nobody would (sleep|set foot|whistle), for (whoever went in came out white-haired|a light walked in it|it was heard to sob). $sky

    $wander

    Now @h, who was @h.a and $virtue, came by and heard of it. "(What does it pay|Is it dry)?" $asked @h. "(A purse of silver|The house itself|Everything you find), if you stay three nights," said $crowd, "but (nobody has|make your will|we keep the purse safe)." $mock

    The first night, on the stroke of twelve, (a leg|an arm|a pair of boots) came down the chimney, and then (the other|another|a hat), and (began to dance|sat down to cards). "(Make yourself at home|Wipe your feet|There is a draught)," $said @h.the, and (dealt|went on eating|lent it a stocking). At cockcrow it was (gone|polite|out of pennies).

    The second night came (a black dog with eyes like plates|$few cats in mourning|a bed that galloped), and round and round it went. $heart But @h.the (sang|held on|told it the price of fish in $place):

    $refrain

    The third night there came (only a sigh|a small girl, wet through|an old man with a $trinket in his breast). "(What do you want|Who hurt you)?" $asked @h.the, and that was the question no one had asked in (a hundred|ninety|two hundred) years.

    "Under the (third stair|hearthstone|sill)," $said the ghost, "lies a @g that I (stole|swore falsely upon|never gave). Carry it to (its owners|the child's children|the church at $place), and I can sleep."

    $when @h.the dug it up, and walked with it.

    $wander

    $episode

    $wander

    The (children's children|owners|old women) wept when they saw it, (though they could not say why|for their grandmothers had spoken of it). That night in the @s (someone laughed for joy|a door closed softly|all the clocks began to go), and then it was only a house, with (a leak|mice|a fine view). @h.the lived in it, and slept like $like_asleep. $end
    ---
    {h:young}{b:bird}{s:sister}{f:foe}# $few_title Nights of Silence

    $once $once_sister

    But the stepmother who came into that house was @f.a in the shape of a woman, and when she could not (find a fault|sleep for their singing|bear to be looked at), she (combed|touched|sprinkled) @s with (a thorn|ashes|a $metal comb), and @s.he became @b.a and flew away over $far. $sky

    "(If you tell|One word), and @s.he stays a @b.noun for ever," $said the stepmother. But a (spider|toad|washerwoman) at the $spot knew more. "Sew @s.him a (shirt|cloak) of ($flower|nettles|moonlight and wool)," it $said, "and do not speak till it is done, (not for joy and not for pain|not even to say thank you)."

    So @h.the went into the wild, and (sewed|spun|stitched) and was silent. $road

    $wander

    $silent

    $silent

    $wander

    $inner_frame

    They were about to (judge|drown|burn|crown) @h.him, and (one sleeve|the collar|the last button) was still missing, when there was a sound of wings. The @b.noun came down; @h.the threw the thing over @s.him; and there stood @s, with (one feather left in @s.his hair|a wing for an arm|@s.his mouth full of questions).

    "Now I may speak," said @h. "I (am innocent|was never mad|should like some soup)." And @h.he talked for (three days|a week), and (nobody interrupted|it was found that @h.he had a pleasant voice|then never so much again).

    As for the stepmother, (a wind took her|she was last seen in the shape of a hen|she ran until she was only a noise). $end
    ---
    {h:youth}{w:foe}{n=$la_a$la_b}# The Name of the @w.noun

    $once But @h.his father had a (loose tongue|thirst) and boasted (in the inn|before the judge) that @h could (spin straw into gold|carve ships that sailed over land|bake bread that made men young).

    So @h.the was locked in a $room with more of that to do by morning than (ten men|a village|an army) could. $heart Then (the wall opened|a stone moved|the candle bowed), and in came @w.a. "What will you give me if I do it?" "My ($trinket|$metal ring|shoes)," said @h.the. (And it was done by morning|At cockcrow it was finished, every last bit|Before the candle was out there was nothing left to be done).

    The second night it was the same, and the price was (a year of @h.his life|the first thing that met @h.him at home|@h.his singing voice). And the third night it was this: "(That which is dearest to you|Your child|Your shadow), when I come for it, unless you can tell me my name."

    $wander

    (Years went by|Time passed, as it does|Seven winters came and went). @h.the grew (rich|famous|tired of it) and (married|bought an orchard|forgot). Then one $month the @w.noun stood at the door. "(I am come|It is time|You know me|A promise has long legs)."

    "(Give me three days|Three guesses are the custom)," $said @h.the. And @h.he sent (riders|pigeons|all the children) to gather names, and went out @h.himself too.

    $wander

    $episode

    $wander

    $episode

    It was in the last hour, in the $adj_wild $wild, that @h.he saw (a small fire|smoke from a cave|a light under the hill) and heard a voice sing:

    "Today I (bake|stew), tomorrow I (brew|chew), / and then (the prize|what is mine) I shall (hold|have) in my (claw|hand); / for (nobody|no one) knows, (high or low|far or near), / that @n is what I am called in this land."

    "Is it ($name_m|Thunder|Moth)?" $asked @h.the on the third day. "(No|Cold|Never|Guess again|That is my cat)." "Is it ($name_f|Ashes|Old Bones)?" "(No, and no again|Colder still|That is what my mother called the goat|You will never guess)." "Then perhaps it is @n."

    "(The wind told you|A bird told you)!" screamed the @w.noun, and (stamped a hole in the floor|flew out on a ladle|tore in two) and (was never seen again|is falling still). $end
    ---
    {h:youth}{l:girl}{s=$pl_a}{p=$land}# The Ship That Sailed to @p

    $once $sky

    $wander

    (A captain|An old pilot|A man with a parrot) needed a (cook|cabin boy|someone who could count), and so @h.the went to sea in the ship (Merry|Patient|Holy|Faithful) @s. They carried $stuff to @p, and $stuff back again.

    $storm

    When @h.the opened @h.his eyes @h.he lay on an island where (the sand was blue|nobody cast a shadow|the trees bore $stuff|the tide spoke). $supper

    In a house of (whalebone|shells|driftwood) lived @l.a named @l, with (a blind seal|the last of the sea-kings|a clock that ran backwards). "You cannot leave," $said @l, "until the island has (heard three things it does not know|laughed|been given a name)."

    $island

    $island

    $inner_frame

    Then the whole island (sighed|shook itself|turned over), for it was (an old whale|a sleeping giant|the back of a turtle), and it swam with them, (past the ice|by the stars|for $span), and set them down at $place, (so gently that the bell did not ring|on a Tuesday|in front of the inn).

    $wander

    "(What will you do on land|Is it always so still here)?" $asked @l. "(Learn to walk straight|Plant a $tree|Miss it)," said @h. And they (built a house|married|opened an inn) with (a roof like a keel|one round window|a door to the water), and on stormy nights they (put a lamp in it|heard it breathing in the bay). $end
    ---
    {h:young}{g=$metal $trinket}{k:ruler}{p=$place}# Who Stole the @g?

    $once

    In the $spot of @p there had always hung a @g, and as long as it hung there (the river kept its bed|the corn grew straight|no child had the fever). One $month morning it was gone. $gossip

    They blamed the (ferryman|tinker|goat|stranger at the inn), because (that was easiest|somebody must be blamed). And because @h.the had slept (there|in the hay near by), they blamed @h.him as well. "(Bring it back|Find it) before the $tree (blooms|sheds its leaves)," said the @k.noun, whose name was @k, "or never (come home|show your face)."

    $oath $sky

    $wander

    $episode

    $road At $place a (glazier|pawnbroker|gull) had seen it go by in a $colour (cart|boat|basket). At $place they had heard it (ring|hum|weep) under a cloth. And at $place $crowd (fell silent|looked at their shoes) when @h.the spoke of it.

    $wander

    $episode

    $wander

    (And who had it|Who was the thief|And who, do you suppose, had taken it)? Not a thief, nor a giant, but (an old mother|a lonely king|a boy of seven) who lived at the end of the road, (in a house without clocks|with one candle), and (had only wanted to hear it once|thought it might call back the dead|could not sleep for the silence).

    $heart "(Take it|I knew you would come)," the thief $said. @h.the (sat down|wept too|was silent) a long while, and then (made another out of tin and patience|taught the thief to whistle its tune|said, "Come and live where you can hear it").

    So they went home together, and when the @g hung in its place again $crowd (asked for pardon|were ashamed|baked a cake with @h.his name on it). @h.the forgave them, (all but the mayor|slowly|in order of size). $end
    ---
    {h:youth}{a:beast}{b:beast}{c:bird}{f:foe}# @h and the $few_title Companions

    $once Because nobody (wanted|paid|believed) @h.him any more, @h.he set out for $land. $road

    $wander

    On the way @h.the met @a.a, who was (too old to work|to be made into soup|out of favour). "Come along," said @h, "something better than (soup|death|a whipping) may be found anywhere." A little farther on sat @b.a, and it was the same with @b.him; and on a (roof|post|church) sat @c.a, (weeping|shouting the hours|plucked half bare).

    $refrain

    So they (sang, each in a different key, and went on|went on together, in step and out of tune|marched, and the dust marched with them). $sky

    $wander

    $episode

    (At night they saw a light|When it was quite dark, a window shone|Far off a light was burning). It was the house of @f.a, with $few (fellows|cousins), who sat at a table before $food. "(I could eat that|That would suit us)," $said the @a.noun. Then the @b.noun stood on the @a.noun, the @c.noun on the @b.noun, and @h on a barrel, and all at once they (sang|began their music). The window broke; the @f.noun cried "(Ghosts|The tax-collector|My mother-in-law)!" and (ran|jumped down the well|flew up the chimney).

    $supper $sleep

    $wander

    In the small hours the @f.noun crept back to see. But the @b.noun (scratched|bit|sat on) @f.his face, the @a.noun (kicked|nipped) from behind, and the @c.noun screamed, "(Bring the rogue to me|Hang him|Who goes there)!" "There is a (judge|witch|regiment) in the house," the @f.noun told the cousins, "with (knives for nails|a club of iron|$few hands)." And they (moved to $land|took up honest work|have not stopped running).

    So the four of them kept the house, and (each had a corner|the soup was never the same twice|it was loud, but never dull). $end
"""
