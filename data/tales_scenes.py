"""Episodes that befall a hero called h. Three dashes end an episode; many lead into others."""

EPISODES = """
    {b:beast}$road $sky

    There, caught by the (leg|tail|wing|ear) in a (snare|thorn bush|crack of the ice|trap of iron|fence), hung @b.a. "(Pity me|Set me free|Do not pass by)," @b $said, "and (one day I shall do as much for you|you will not be sorry|I will tell you a thing worth knowing)."

    "(That is what they all say|I never yet ate well by being kind|My hands are not so clever)," $said @h.the, "but (hold still|let me look|that I cannot refuse)." And @h.he (worked|cut|bent) the @b.noun free and (bound up the wound with a strip of $cloth|gave @b.him the last of the (cheese|bread|milk)|carried @b.him as far as the water).

    "Keep this (feather|hair|scale|claw|whistle)," $said @b. "When (all doors are shut|you can go no farther|your courage is gone), (think|speak) of me." ^@b.he was gone $before_counting.
    ---
    {o:wise}$sky $road

    At the $spot sat @o.a, (warming @o.his hands over no fire at all|mending a net with nothing|peeling an apple in one long ribbon|counting pebbles). "(Where are you going|What do you carry|Whom do you seek), (child|young one|@h)?" @o.he $asked, though @h.the had not told @o.him any name.

    "$answer_road," $said @h.the, and shared what there was with @o.him: $food.

    (|"Then listen," said the old one $softly. "$counsel") $gives
    ---
    {w:wise}{s=$spot}When night fell, @h.the knocked at the door of a $adj_spot @s. "(Who is there|Who comes so late|Friend or fox)?" $asked a voice.

    $answer_night

    The door was opened by @w.a. $supper "(Now pay me|Nothing is free|A bed has its price)," $said @w. "Tell me a tale (I have not heard|that is true|with a $beast_word in it), and you may sleep until (noon|the cock crows|you wake)."

    So @h.the sat down by the fire and told (this one|the tale that follows|what @h.his grandmother had told).

    $inner_tale

    "(Ha|Well|Hm)," $said @w, "(I knew the ending|I had heard it otherwise|that was worth a bed|the middle was the best part)." $sleep
    ---
    {r:rich}$sky In $place @h.the looked for work, and found it in the house of @r.a named @r, who was $vice and $vice.

    "(You will|You must) $chore, $chore, and $chore," $said @r, "and on (Sunday|Christmas Day|the last day) you may (rest|thank me|begin again)." ^@h.the (agreed|bowed|shrugged), for (hunger signs any paper|there was no other door|@h.he had seen worse).

    For $span @h.he worked $quickly. Then @r $said, "(You have eaten more than you earned|I find no fault, and that will cost you|Wages are bad for the young)," and gave @h.him nothing but $a_useful. @h.the (said thank you|laughed out loud|made a bow) and took it, and (it was worth more than @r knew|who knows what a thing is good for|went out singing).
    ---
    {g=$treasure}$road

    Under the roots of $a_tree something (glittered|shone|rang|moved). @h.the dug with @h.his hands and found a @g, (no bigger than a nut|cold as ice|warm as bread|wrapped in $colour $cloth), and on it was written: "(Not for the one who finds me|Give me away and I am yours|Use me once|Ask before you answer)."

    "(A riddle|A thing with opinions|Somebody will be missing this)," thought @h.the, and (hid it in @h.his cap|put it in @h.his pocket|hung it round @h.his neck), where it (ticked|hummed|grew heavy) whenever (danger was near|somebody told a lie|the moon came out).
    ---
    {s:spirit}$sky At the $spot a voice called, "(Stop|Halt|Not another step)!" It was @s.a, who sat on (the wall|an upturned bucket|a toadstool|the shaft of the well) and swung @s.his legs.

    "(Nobody passes|You shall not pass|Not a step) until my riddle is answered. $riddle

    "(Bother|Drat|Toads and thunder)!" cried the @s.noun. "(Somebody told you|You are the first in a hundred years|Nobody ever gets that one)." And @s.he (vanished|turned a somersault|sulked|burst into tears), but left behind $a_useful and, in the mud, (an arrow drawn with a finger|the print of a very small foot|a map of the road).
    ---
    {k:ruler}In the city of $place @k.a named @k was (giving a feast|burying a cat|choosing a cook|holding court), and whoever could (make @k.him laugh|stop @k.his hiccups|tell @k.him a thing @k.he did not know|put @k.him to sleep) was to have (a purse of silver|a horse|one wish that cost nothing).

    $crowd (tried|had tried) with (bells|jokes|sermons|pepper), and @k only (yawned|frowned|sneezed). Then @h.the stepped forward and said $softly, "(Sir or madam|Your highness), $joke"

    There was a (silence|pause) in which one could hear (the candles burn|a pin think of dropping|the moths). Then @k began to (shake|smile|cough), and then laughed until (the crown rolled under the table|two buttons flew off|the hounds joined in).

    "(Pay|Reward) @h.him," gasped @k, "and (let no one say it again before breakfast|have it written down|somebody pick up my crown)."
    ---
    {b:brother}$sky On the road @h.the fell in with @b.a named @b, who was going the same way (because it was downhill|to seek his fortune|to get away from his own).

    "(Two are warmer than one|Let us share our bread|I will carry the bag if you carry the talk)," $said @b. They walked together for $span, and @b sang:

    $refrain

    But at the crossroads by $place @b (took the money and ran|found a wife|turned back for his hat|chose the broad road), and @h.the went on alone, with (an empty purse and a tune|one boot the heavier|the song in @h.his head). $saw
    ---
    Then came the $adj_wild $wild of $place, which the people there call the (Widow|Sleeper|King's Mistake|Long Hunger|Devil's Apron). $sky

    {f=$fur}On the (second|third) night a $colour light (danced|hovered|beckoned) ahead, and @h.the nearly followed it into the bog; but a @f (ran across the path|barked|looked @h.him in the eye), and @h.he (stood still|remembered what @h.he had been told|turned back to the stones).

    By morning the $wild lay behind, and before @h.him (lay|stood|shone) $far. $heart
    ---
    {s=$trinket}At the fair of $place @h.the saw $crowd pushing round a stall where a (juggler|quack|puppet man|pedlar in a $colour coat) sold $stuff, $stuff and a $metal @s that (told the truth|was never wrong|played by itself|showed the future, though dimly).

    "What does it cost?" $asked @h. "(Your shadow|A year of your youth|The name of your first love|What you have in your left pocket)," the man said $softly. ^@h.the turned out the left pocket: there was (nothing in it but a crumb|a button|a dead bee|a hole). "(Done|Sold|A bargain is a bargain)!" cried the man, (who never went back on his word|and wept when he saw it|and $crowd applauded).
    ---
    {a:girl}$sky Through a (hole in the hedge|crack in the wall|lit window) @h.the saw @a.a who (wept into a bucket|spun and spun|talked to a $metal mirror|was trying to count the stars). This was @a.

    "Why do you (weep|do that)?" $asked @h. "Because (I must fill it by morning|my stepmother has hidden my name|I have promised to marry the north wind|a day here is a year outside)," said @a $softly.

    So @h.the (sat down beside @a.him|climbed over|lent @a.him a hand), and together they (filled it with laughing|tricked the north wind with a scarecrow|found the name under the doorstep, among the snails|stopped the clock with a spoon). "I cannot come with you," $said @a, "but (wherever a linden grows I will know of you|take my $useful|if you need me, sing)."
    ---
    {d=$few}$when @h.the came to a house with @d doors. On the first was written (Bread|Sleep|Gold), on the second (Love|Home|Revenge), and on the last of all (nothing|Patience|Do not).

    @h.he put @h.his ear to each. Behind one (somebody snored|money chinked|a kettle sang), behind another (a sea was breaking|someone was crying @h.his name|there was music). Then @h.the (opened the last|walked round the house and found a gate|knocked at all of them at once), and (so it was that|that is why) @h.he lost only an hour there, while others (had lost|lose) their lives.
    ---
    $road $sky

    {m=$metal}@h.the sat down to rest, and dreamed. $dream

    $when @h.he told the dream to a (miller|tinker|monk|shepherd), who (pulled his beard|counted on his fingers|laughed) and said $softly, "It means (a wedding|a journey|too much cheese|that you will be forgiven|rain)." And as it fell out, he was (right|wrong|right, though not about the @m part).
    ---
    {x:foe}That night the ground shook, and over the $wild came @x.a, (sniffing|singing in a voice like gravel|dragging a sack|hunting for a lost tooth). @h.the (hid in a hollow log|crept under a cauldron|climbed $a_tree|stood quite still among the scarecrows).

    "I smell (bread|a heart|a traveller|somebody clever)," growled the @x.noun. "It is only (the wind|your own supper|an old boot)," $said @h in the voice of (an owl|a frog|the @x.noun's grandmother). "Ah," said the monster, "(good night, then|I thought as much|thank you)," and (stamped|rolled|limped) away towards $place, where (they had been warned|the church bells drove it off|nobody noticed the difference). $heart
    ---
    {c:child}By the road stood a small child with (a lamb|one shoe|a $metal lamp|a loaf bigger than its head). "Have you seen my (mother|brother|shadow|goose)?" it $asked. $said_no

    @h.the lifted the child up and carried it (three miles|back to $place|from door to door), though (it was the wrong way|night was falling|it grew heavier at every step). At the last door a woman with $eyes eyes took it in, and (her lamp burned without oil|no one had ever lived in that house, said the neighbours|the child was suddenly as old as the hills).

    "(What you did for the small, the great will do for you|You have carried more than you know)," $said the woman, and gave @h.him $a_useful. $saw
    ---
    A letter came for @h.the, sealed with $colour wax. "$letter," it said, and it was signed (with a drop of rain|by nobody|in a hand that @h.the knew).

    @h.he read it (twice|by moonlight|aloud to the $fur), (folded it small|put it under @h.his tongue|burned it and kept the ashes), and (was ready before the candle had burned down|did not sleep|set out).
"""

INNER = """
    {i:poor}{j:rich}"In $place there lived @i.a named @i and @j.a named @j, (with one wall between them|on either side of one well|who had been children together). $sky One $month @i (found|was given|dreamed of) a $trinket that (filled itself every night with silver|made soup out of stones|sang whoever heard it to sleep).

    "@j could not rest for $feeling, and at last (stole|borrowed|bought) it; but for @j it filled itself with ($birds|snow|unpaid bills|bees|the truth). '(Take it away|What have I done),' cried @j. '(It only gives what is already in the house|It knows its own),' $said @i, and (took it back|hung it in the $tree|gave it to the church).

    "And ever since, when people in $place see a $trinket, they (look behind it|wink|say good morning to it)."
    ---
    {i:beast}{j:bird}"@i.a and @j.a once kept house together. @i.the fetched the wood, and @j.the did the cooking, and (all was well|nothing was ever burnt|they sang duets) until $month.

    "Then @i $said, '(Why should I carry and you sit warm|Let us change about|I too can cook).' So they changed about: @j.the fell under the logs, and @i.the (put the tail in the soup|set fire to the curtain|ate the dinner before it was cooked).

    "They (looked at each other|sat in the snow|licked their burns). '(I will fetch the wood,' said @i|Each to his own,' said @j). And (that was the end of it|they have been friends ever since|nobody has mentioned it again)."
    ---
    {i:ruler}{g=$trinket}"There was @i.a who could not sleep, though (a hundred pillows|fiddlers and friars|nine doctors) had been tried. '(Bring me|Find me) the $cloth (shirt|pillow) of one who sleeps well,' said @i, and messengers rode to (every house|the ends of $land).

    "The rich slept badly because of (thieves|dinner), the poor because of (the rich|the cold), and (the lovers|the bishops) did not sleep at all. At last they found a (lamplighter|goatherd|ferryman|tinker) snoring under $a_tree, with a $metal @g in his hand; but when they would have taken his shirt, (he had none|it fell to dust|he had given it away).

    "'(Then I shall go and carry lamps|Leave him be|Bring me a blanket),' said @i, and lay down in the grass beside him, and (slept till Thursday|slept|has not been woken yet)."
    ---
    {i:youth}{s:spirit}"@i.a named @i loved to (dance|boast|fish|whistle), and (did it even on Sundays|would not stop for anyone|thought there was none better). One night @s.a came and said $softly, 'Let us see which of us can do it longer.'

    "They began (on the bridge of $place|at the $spot) when the moon rose. At midnight @i was (tired|thirsty); at cockcrow @i.he could not feel @i.his feet. '(Stop|Enough|You win),' said @i at last.

    "'(I only wanted company|Nobody has ever stopped before),' said the @s.noun, and (wept|bowed|gave @i.him a $metal $trinket), and was gone. @i never (danced|boasted|fished|whistled) so well again, but people liked @i.him better."
    ---
    {i:girl}{q:foe}"@i.a named @i was sent (for fire|to the well|for a sieve) to the house of @q.a. 'Do not (eat there|look up|say thank you),' warned $crowd.

    "'Sit down,' said the @q.noun. 'Are you (hungry|cold|afraid)?' 'Only of (wasting your time|my aunt|being late),' said @i. 'Then (comb my hair|count my teeth|guess my age),' said the @q.noun, and that @i did, and (found a key in the hair|counted @h.his own name among them|guessed so kindly that the @q.noun blushed).

    "(So the fire was fetched|So she came home), and with it (a bag of pearls|a cat that could read|nothing at all, and glad of it); but the cousin who went after her, and (was rude|looked up|ate the cake), is sitting there yet, they say, in the shape of a $useful."
    ---
    {i:poor}"@i.a named @i had three wishes from a fish. '(Wish slowly),' said the fish. But @i was hungry and wished for (a sausage|$food|a cheese); and @i.his neighbour laughed, so @i wished it (on the neighbour's nose|in the neighbour's bed|on the roof).

    "Then there was one wish left, and (two neighbours with one nose between them|a cheese on the roof|all $place at the window). '(What would you do|What is it to be)?' $asked the fish. '(That nobody should remember this),' said @i, and nobody does.

    "Nobody but the fish; and the fish told (me|my uncle, who was a heron)."
"""
