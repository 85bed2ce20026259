"""Sentences that any tale may need, about a hero called h. A line is one way to say it."""

LINES = {
    "sky": """
        The (morning|day|afternoon) was (clear|grey|bright|raw|still|soft) and (smelt|tasted) of (rain|snow|hay|wood smoke|the sea|wet leaves|apples).
        It was $month, and the $birds (had come back|were gathering|sat in rows|made a great noise) over the $wild.
        A (thin|cold|warm|sharp|playful) wind came (down from the hills|off the water|out of the north|through the $tree trees) and (tugged at every hat|turned the leaves over|rattled the shutters|carried the sound of a distant $trinket).
        Rain fell on the (roofs|fields|road|river) (all day|all night|without a pause) until even the $beasts (complained|went indoors|looked up in reproach).
        The sun (rose|went down) behind the $adj_spot $spot (as red as a coal|like a great $metal coin|and nobody saw it|in a heap of clouds).
        Mist lay (in the hollows|over the $wild|along the river) like $cloth, and (the $birds called out of it|every sound came twice|the tops of the trees swam upon it|one could not see one's own feet).
        The stars came out one by one, (as if someone were lighting them|as small as grains of salt|and each had its own errand|while the frost grew on the gate).
        Snow had (covered|hidden|softened) the $wild, and the only tracks were those of a (fox|hare|raven|stray dog|deer).
        There was thunder in the air, and the $beasts (stood close together|would not lie down|ran in circles|hid under the cart).
        The moon (hung|stood|rocked|climbed) above the $tree trees, (round as a cheese|thin as a paring|yellow as butter|pale as a plate), and (lit the way|looked at everything twice|made a ladder on the water|threw long shadows).
        It was the (kind of|sort of) $season (evening|morning) when (doors stand open|smoke goes straight up|old people tell their dreams|even the stones seem to listen).
        In $month the (days are short|nights are long|roads are bad|river runs high), and (honest folk|sensible people|cats and kings) stay (by the fire|at home|under their blankets).
    """,
    "sky_eerie": """
        No bird sang, and the (wind|river|very grass) seemed to hold its breath.
        The moon had a ring round it, and the $birds (flew backwards|were silent|circled without a cry) over the $adj_spot $spot.
        A (cold|grey|clammy) fog crept (up from the $wild|under the door|through the keyholes) and (put out the candles|smelt of old coins|muffled every step).
        Somewhere (far away|below the ground|behind the $wild) a bell rang (thirteen times|once and not again|though no one had pulled the rope).
        The shadows (fell the wrong way|were longer than they should have been|did not move when the lamp moved), and the dogs of the village (whined|would not leave the hearth|howled all together).
        It was the hour when (owls fall silent|clocks stop|the dead turn over|water runs uphill), and a $colour light (moved|flickered|went to and fro) beyond the $tree trees.
        All the $flower had (closed|withered|turned black) in one night, and nobody dared to say why.
    """,
    "road": """
        The (road|path|track|lane) (wound|climbed|ran|wandered|dipped) (past|round|beyond) a $adj_spot $spot and (down|out|away) into a $adj_wild $wild, where the $birds (called|quarrelled|wheeled|slept).
        @h.he (walked|went|trudged|wandered) (over hill and dale|through three parishes|along the river|across a $adj_wild $wild) until @h.his shoes (wore thin|let in the rain|were grey with dust|squeaked at every step).
        For $span @h.he (met|saw|passed) nobody but $beasts, and (they|these) (gave no advice|looked the other way|had troubles of their own|were poor company).
        On the (left|right) hand stood a $adj_spot $spot, on the (left|right|other) hand a row of $tree trees, and between them the road went (on and on|downhill|straight towards $far|like a thread through a needle).
        By noon @h.he had come to a $adj_wild $wild full of $flower, and by dusk to a (river|wall|gate|hedge) that (nobody could cross|had no name|seemed to have no end|hummed to itself).
        There were (milestones|signposts|footprints) along the way, but (some joker had turned them round|moss had eaten the letters|each told a different story|they all pointed to $place).
        @h.he passed through $place, where (they were baking|nobody would open|a fair was on|the well was dry|all the dogs had the same name), and through $place, where (it was worse|it was better|they were no wiser|a wedding was going by).
        First the road was (broad|dusty|paved), then it was (narrow|muddy|grassy), and then it was no road at all but a (hope|rumour|line of stones|hole in a hedge).
        An old (carter|shepherd|pedlar|soldier) gave @h.him a ride as far as $place and talked the whole way about (his knees|the price of $stuff|his late wife|a horse he had once owned|the end of the world).
        @h.he crossed (a bridge of one plank|the $pl_c by the ferry|a stream on $few stones|a frozen pond), and a $fur (watched|followed|ran ahead) as far as the next $spot.
        All day the $adj_wild $wild lay before @h.him, and all day it (came no nearer|changed its colour|smelt of $flower|kept its secrets).
        From the top of the hill @h.he could see $few (steeples|rivers|chimneys|sails), a $adj_spot $spot, and, blue with distance, $far.
    """,
    "supper": """
        For supper there was $food, and $drink to go with it.
        @h.he (ate|shared out|unwrapped) $food and drank a (cup|jug|bowl) of $drink, and then the world looked (kinder|rounder|not half so wide|a good deal better).
        There was nothing in the (house|bag|cupboard|pot) but $food, and @h.he (divided it fairly|ate it standing up|left half for the morning|thanked heaven for it).
        "First eat," $said the (cook|old woman|host|hermit), and (set|put|banged) $food on the table.
        They gave @h.him $food, a (stool|place) by the fire, and (good advice|a great deal of news|three kinds of pickles|not one question).
    """,
    "sleep": """
        That night @h.he slept (under a hedge|in a hayloft|beneath an upturned boat|in the roots of an old $tree|beside the embers|on a heap of sacks) and dreamed of (nothing at all|a $metal $trinket|$stuff|home|a door in the sea|a great many stairs).
        @h.he lay awake and (counted the beams|listened to the $birds|heard the clock strike every hour|thought of home|watched the moon cross the floor).
        @h.he slept like $like_asleep, and when @h.he woke (the sun was high|there was frost in @h.his hair|someone had taken @h.his boots|a $fur was sitting on @h.his feet|it had all been real).
        Before @h.he fell asleep @h.he said the names of everyone at home, (as @h.his mother had taught @h.him|one after another|like beads on a string), and then @h.he was not so (lonely|cold|afraid).
    """,
    "heart": """
        @h.his heart (beat|jumped|fluttered|leapt) like $like_quick.
        @h.he felt $feeling and $feeling at once, as one does (at weddings|on the eve of a journey|when a letter comes|in front of a closed door).
        Then @h.the was as $sad as $like_sad, but @h.he (told nobody|did not weep|kept on|whistled a tune).
        Then @h.the was as $glad as $like_glad, and (hummed all the way|forgot @h.his hunger|gave @h.his last penny to a beggar|took the stairs three at a time).
        "What is the use of $feeling?" thought @h.the. "It never (mended a shoe|milked a cow|boiled an egg|crossed a river)."
        @h.he had never known such $feeling, not even (in the year of the great flood|on the day of the fair|when the barn burned down|at @h.his own christening).
        There is a $feeling that (sings|sits still|bites|has no name), and it was this that @h.the felt now.
        @h.he (bit @h.his lip|counted to ten|took a deep breath|put @h.his hands in @h.his pockets) and (waited|went on|said nothing|looked again).
    """,
    "saw": """
        (They say|The proverb says|It is an old saying|My grandmother used to say) that (a soft answer opens a hard door|whoever counts the steps never reaches the top|even a king must sneeze|a borrowed cloak is never warm|the longest night has a morning|a bird sings best on its own branch|bread tastes better after work|three may keep a secret if two are asleep|the river does not drink its own water|a crooked log makes a straight fire|who gives quickly gives twice|an empty sack cannot stand|still water has deep fish|one kind word can warm three winters).
        But (luck|time|trouble|a promise) is like $like_fleeting: (it comes when it likes|nobody can hold it long|it looks different from behind|you cannot call it twice).
        (That is how it goes|So it is in this world|It was ever thus|What can one say): the (poor|wise|young|proud) have (the appetite|the patience|the questions|the words) and the (rich|foolish|old|humble) have (the dinner|the clock|the answers|the last laugh).
        And if you do not believe (it|me|this), (ask|go and ask) the (miller|ferryman|old owl|gravedigger) of $place, who (was there|heard it all|has it in writing|never told a lie before noon).
        In those days (wishing still helped|animals could speak, and did|kings swept their own steps|a penny was as big as a plate|the moon lent money), and (people were none the worse for it|things were managed better|nobody wondered|the winters were longer).
    """,
    "gossip": """
        $crowd_says
        Soon it was known from $place to $place, and $crowd (spoke of nothing else|made a song about it|added a little every time|shook their heads).
        Some said it was (luck|witchcraft|the weather|a judgement), some said it was $feeling, and a $trade from $place said he had known it all along.
        $crowd (came running|stood on tiptoe|dropped what they were holding|forgot to shut their mouths), and a (dog|baby|cock|donkey) made the only sensible remark.
    """,
    "crowd_says": """
        "(I never|Well, I never|Heaven help us|Who would have thought it)!" said $crowd, and (looked at each other|crossed themselves|ran to tell the others|went on with their work).
        "It will end (badly|in tears|well|in the river)," said $crowd, (who had said so every year|as they always did|and for once they were right|but they went to look all the same).
        "Is it (true|possible|allowed)?" (asked|whispered|wondered) $crowd. "And what did it cost?"
    """,
    "refrain": """
        "^$metal $trinket, $colour thread, / wake the living, (rock|guard|warm) the dead; / by (the root|the leaf|the bark) of the $tree tree, / what (was lost|was mine|is true) come back to me!"
        "(Wind|Rain|Snow|Night) on the $wild, (fire|bread|salt) on the sill, / the (door|road|heart) that is open is open still; / (knock|call|ask) me once and (knock|call|ask) me twice, / the third will cost you a $colour price."
        "(Over|Under) the (river|mountain|hill), / the $birds are (calling|crying) still: / (one|nine|ten) for (sorrow|silver|the thorn), (two|five) for the $tree, / and the last of them all (is|sings) for me."
        "I had a $trinket, I had a song, / I had a road that was (nine|ten|twelve) miles long; / I gave the (first|last) to the (queen|child) of the sea, / and (the wind|my own love|the $fur) came walking home with me."
        "(Sleep|Hush), little $fur, the (fields|hills|woods) are white, / the $spot is empty, the (fire|moon|lamp) is bright; / (the frost|the wolf|the night) is a (beggar|king|rider) with nothing to eat, / and (silver|velvet|snow) are the shoes on his feet."
        "Turn, (wheel|world|key), and turn about, / (rich man|proud man|sorrow) in and poor man out; / what the (river|winter|sea) has taken away / it will (bring|give) you again on a $month day."
    """,
    "gives": """
        "Take this $treasure," $said the giver, "and (do not lose it|do not sell it|keep it next to your heart). When you are in need, (breathe on it|turn it three times|hold it to the light|strike it against a stone), and (help will come|you will see|the rest will follow)."
        "I have nothing but this $useful," the stranger said $softly, "yet (a king would envy you|it has never failed an honest hand|there is more in it than you think)."
    """,
    "once": """
        Once upon a time there was @h.a named @h, who was $virtue and $virtue2.
        (In the land of $land|In a village called $place|Beyond the $adj_wild $wild of $place) there (lived|once lived|lived, long ago,) @h.a, whose name was @h.
        (Long ago|When your grandmother's grandmother was young|Before the clocks were counted), in $place, @h.a called @h lived in a $adj_spot house beside the $spot.
        There was once @h.a by the name of @h, and nobody in $place was more $virtue.
        Not far from $far, where the $birds build their nests in $month, stood a $adj_spot cottage, and in it lived @h.a named @h.
    """,
    "end": """
        And if they have not (died|moved away), they are living there (still|to this day).
        (They|All of them) lived (happily|in peace|merrily) for many years, and (the $tree they planted|the $metal $trinket over the door|the song about them) (is still there|may be seen in $place) for anyone who asks.
        My tale is done; (there runs a mouse|here comes the cat|the candle is low|the pot is boiling over); whoever catches it may (make a cap of its fur|tell the next|have the last of the cake).
        I was at the feast myself and drank $drink, but (it ran down my beard|they gave me a spoon with a hole|I woke before the pudding), and so I came away to tell you.
        That is all, and it is (true|true enough), for I had it from (a pedlar|the owl herself|my aunt in $place|the one who swept up afterwards).
        And whenever the wind blows from $far, the people of $place say to their children: "(Listen|Hush|Be good), (that is|there goes) @h."
        And since that day no one in $place has ever (refused a beggar a crust|laughed at a $useful|locked the door in $month|told a lie to a $fur).
        So ends the tale of @h, and (a better one begins tomorrow|may yours end as well|the night is still long|now it is your turn).
        And there they (sit|dance|are) yet, unless they have (gone to bed|stopped|heard us coming).
    """,
    "mock": """
        "You?" laughed $crowd. "You could not (find your own feet|catch a cold|count your own toes|boil water)!"
        "Go home, @h," said $crowd, "and (mind the geese|count your buttons|ask your mother|peel the turnips)."
        "(Good luck|Farewell|Mind the ditch)," $said the neighbours, and (laid bets|shook their heads|ate @h.his share of the soup).
    """,
    "oath": """
        "I will (go|try|do it)," said @h, "if it costs me (seven years|my last shoe|all I have|my sleep)."
        "Then I shall (find|fetch|learn) it," said @h.the $softly, "for (somebody must|I have promised|I am not afraid of walking|a thing begun is half done)."
        "(What others can do|What is lost) can be (done|found) again," said @h, and (tied up @h.his bundle|laced @h.his boots|took down @h.his cap|kissed @h.his mother).
    """,
    "answer_road": """
        To (find work|see the world|seek my fortune|pay a debt|find my brother|ask a question of the sea)
        Wherever the road (goes|likes|is kind enough to end)
        To $place, and from there to $far
        I carry nothing but $feeling, and that is heavy enough
        I am looking for (a cure|a door|the truth|the end of this road)
    """,
    "answer_night": """
        "Only (a traveller|@h|one who is cold), and I (ask for nothing but a corner|can chop wood|will be gone by morning)," $said @h.
        "Neither fox nor foe," @h.the said $softly, "but (an empty stomach|two wet feet|a tired head)."
        "A guest, if you like guests; a (ghost|beggar), if you do not," $said @h.the.
    """,
    "counsel": """
        Never (thank|trust|follow) a man with (two hats|dry boots in the rain|no shadow), and never (sleep|eat|look back) under (a yew|a bridge|an unlucky star).
        There are three roads. The first is easy, and (nobody returns|it leads to debt). The second is hard, and leads (round in a ring|to another second road). Take the third, which (is not there until you walk on it|begins behind you).
        What you seek is (in the house of|guarded by|known only to) one who hates (music|mirrors|being laughed at|the colour $colour). Remember that, and (wait|sing|keep your hands in your pockets).
        Count everything (twice|aloud) in the castle, but do not count the (stairs|candles|guests), or you will (stay|be one of them).
        When they offer you gold, ask for (the old $useful behind the door|bread|what lies under it); when they offer you wine, (spill it|ask for water|pour it to the cat).
        If someone calls your name three times, (answer the fourth|do not turn round|ask what he wants with it). And (wear wool|mind the step|be kind to cats).
    """,
    "chore": """
        feed the (hens|horses|hounds|silkworms)
        scour the $few kettles
        chop (wood|turnips|ice) until dark
        carry water from the $spot
        sort the (peas|feathers|buttons|nails)
        comb the (goats|carpets|beards of my uncles)
        sweep the (yard|chimney|$room)
        count the $stuff
        keep the $birds off the barley
        sing to the (cow|cheese|bees)
        wind the $few clocks
        polish the $metal $trinket
    """,
    "riddle": """
        What grows (smaller|shorter) the more you (add to it|feed it)?" // @h.the (scratched @h.his head|looked at the sky). "A (hole|candle) is (what I think of|my answer)," @h.he said $softly, "for (add a spade to the one|give the other a flame) and see."
        What goes (round the house|over the fields) all (day|night) and leaves (no track|not a footprint)?" // @h.the listened. "The wind," @h.he said $softly, "(or|and sometimes|though it might be) the moonlight."
        Who has (a bed|a mouth) and never (sleeps in it|eats), and runs and has no feet?" // "I (have drunk from|fell into|was born beside) it," said @h.the $softly. "It is the river."
        What is it that you must (keep|hold) after giving it away?" // "(My word|A promise)," said @h.the at once, "(and I have kept a few|which is why I am here|and it is heavy)."
        What belongs to (you|@h), and yet (everyone|the whole village) uses it more than you do?" // @h.the thought of (home|@h.his mother calling|the school bench). "My name," @h.he said $softly.
        I have (towns|cities) without houses, (woods|forests) without trees, and rivers without water. What am I?" // @h.the remembered (the wall of the inn|the schoolmaster's desk|a captain's table). "A map," @h.he said, who had never owned one.
        The more of them you (take|make), the more you leave behind you. What are they?" // "(I have made|You have just heard) (many|some thousands) of them today," said @h.the $softly. "They are footsteps."
        What (breaks|is broken) when you (say its name|speak)?" // For a long time @h.the said nothing at all, and that was (the answer|right|answer enough): it was silence.
        What has (teeth|a tooth in every inch) and (cannot bite|never eats)?" // @h.the (felt in @h.his pocket|shook out @h.his hair|laughed). "A comb," @h.he said $softly, "(and this one was my mother's|and you could use it)."
    """,
    "joke": """
        my (donkey|aunt|landlord) was so (thin|mean|slow) that (the rain missed him|his shadow asked for wages|two crows shared one opinion of him), and (even so|in the end) they made him (mayor|bishop) of $place.
        at home we are so poor that (the mice bring their own cheese|our cat chases its own thoughts|we eat soup with a fork to make it last).
        I met a man who had sold his (door to buy a lock|boots to pay the cobbler|bed to buy a nightcap), and he asked me for (a key|the time|advice).
        a (goose|judge|$trade) once swore to (eat nothing but truth|sleep with one eye|be on time), and (nobody has seen him since|he died of it on a Tuesday|the other eye went to law).
        I have walked (from $place|nine days) to see (your greatness|the cleverest court in the world), and I have a (stone in my boot|nephew) that (is cleverer|talks more sense).
    """,
    "letter": """
        Come before the ($flower have faded|ice breaks|moon is full), or (do not come|it will be too late)
        All is not as they told you: the (king|key|well|child) is (not dead|false|hidden|no one's)
        I am in the tower at $place and have (one candle|$few days|no shoes) left
        Bring (salt|a mirror|nobody), and trust (the $fur|no one in $colour|your own feet)
        What you lost is found, and (it asks for you|wants paying|is older now)
    """,
    "dream": """
        A $colour (fish|horse|bird) (came|sat|stood) at the foot of the bed and said, "(Get up|Follow|Do not ask)," and then there were ($stuff|stairs|bells) without end.
        In the dream @h.he was (a king|a tree|very small|back at home), and it rained $stuff, and nobody thought it (strange|rude|worth mentioning).
        There was a table, long as a road, and everyone @h.he had ever (met|loved|cheated at cards) sat at it and (waited for the soup|looked up|smiled).
        A $metal gate stood in the sea, and behind it someone was (singing|weeping|calling @h.his name), though it could not be opened.
        A voice counted: one for the (bread|road), two for the (knife|rain), three for the (guest|door), and just before four @h.he woke.
    """,
    "said_no": """
        "No," $said @h.the, "but (two can look better than one|I have lost something too|let us ask)."
        "Perhaps," said @h.the $softly. "(What did it look like|When did you see it last|What is its name)?"
    """,
    "inner_frame": """
        To pass the time, an old $trade told a tale, and this is how it went. // $inner_tale // (Nobody spoke for a while|They put more wood on the fire|A child laughed in its sleep), and (outside the wind rose|the moon went down|somebody sighed).
        Now there was a (sailor|nurse|blind fiddler) there who knew a story for every $trinket, and (told one|was not to be stopped). // $inner_tale // "(And is that true|What does it mean)?" $asked somebody. "It is (told|short)," $said the teller; "what more do you want?"
        And @h.the remembered what (@h.his grandmother|a carter from $place|the ferryman) used to tell in $month. // $inner_tale // It (was no help|gave @h.him courage|made @h.him smile), but the hour had passed.
    """,
    "trial": """
        The first night @h had to (count the grains in a sack|thread a needle in the dark|tell the true key from $few false); and the (ants|mice|moths) whom she had once (let be|fed) did it with her. The second night she had to (keep a fire alive without wood|carry water in a sieve|comb the sea); and she (burned her own shoes|lined it with moss|sang till it lay smooth). The third night she had only to (sit still|wait|listen), and that was the (longest|worst) of all. $heart
        Three nights she (swept|spun|watched), and three times the @f.noun asked, "What did you (see|hear)?" "(Dust|Snow)," said @h the first time. "(Myself|My breath)," said she the second. And the third time: "(Someone who was once a child|Someone afraid of the dark)." Then the @f.noun (turned away|dropped a cup|was silent for an hour by the clock).
        They played at (chess|draughts|riddles) with (living pieces|drops of ice|the teeth of kings), and @h lost the first game and (wept|smiled), and lost the second and (hummed|thanked the @f.noun). But she had watched the @f.noun's (left hand|eyes in the mirror), and in the third she (moved a pawn no one had noticed|turned the board round|sacrificed the queen), and it was (mate|over).
    """,
    "once_sister": """
        They were two, @h and @s, (as near as two cherries|and where the one was, there was the other|with one blanket between them), and (they sang all day|the house was never quiet), till their mother died and their father (married again|brought home another).
        The whole world of @h was @s, for they (had one cradle and one coat|told each other their dreams|could talk without opening their mouths). Then their father (took a new wife|married again).
    """,
    "silent": """
        (A huntsman|A young lord|The king of that country) found @h.him in $a_tree and $asked, "Who are you?" But @h.the (shook @h.his head|went on sewing|only looked). "(What eyes|What hands|Whoever is so silent must be wise)," he $said, and took @h.him to (his castle|his mother|court), where $crowd (whispered|made signs). $sky
        In the house where @h.the was taken in, a (stool|spoon|baby's shirt) was missing every day, and a (jealous aunt|steward|cook) $said, "It is the dumb one." @h.the could not answer, and (lowered @h.his eyes|pricked @h.his finger|worked the faster). $heart
        The (flax|thread|nettles) ran out, and @h.the went by night to the churchyard for more. There the (dead|witches|owls) sat in a ring and (combed each other's hair|told each other's fortunes|shared a bone). "(Speak|Sing) with us," they $said. @h.the (crossed @h.himself|picked what was needed) and said nothing. $sky_eerie
        Once the @b.noun came by night and sat on the sill. @h.the (held out a crumb|stroked its head|wept), and it said nothing either; but (in the morning there was a feather in the thread|the frost on the window had the shape of a face|it stayed till cockcrow).
        @h.the (nearly cried out|bit through @h.his lip) when (the house caught fire|a cart ran over @h.his foot|they threw @h.his work in the moat), yet (fished it out|finished the seam|not a sound was heard). "(Stone|Saint|Witch)," said $crowd.
    """,
    "swap_talk": """
        "(Does it eat much|Can it dance|Is it honest)?" $asked @h. "(Never|Like a bishop|More than I am)," was the answer.
        "It has (only one fault|a good heart)," they told @h.him, "and that is (the other end|a secret)."
        "I had it from (my father|a drowned admiral|the mayor of $place)," the stranger $said, "and he (wept to lose it|never caught cold again)."
        "(You have a lucky face|Because it is you|Because it is $month)," the stranger $said, "I will (add a string to it|not ask for more)."
    """,
    "storm": """
        On the $few_th day the (sky turned green|wind dropped dead|gulls all flew one way). "(Reef the sails|Say your prayers)," $said the mate, and then the sea (stood up|opened|climbed aboard). The mast went like (a straw|a carrot), and the captain was last seen (on a hen-coop, giving orders|saluting).
        They sailed for $span with (a fair wind|salt in their beards|nothing to tell), and then it came out of the north, black and (howling|grinning|full of hail). For two nights they (pumped|bailed with their hats|sang to keep their hearts up). On the third the keel (struck|cracked|spoke its last word).
        One night the cook saw (a hand|a $colour lamp|a woman with wet hair) in the waves and (waved back|dropped the soup). "(That is bad|Look away)," $said the old hands. By morning there was (a rock where no rock is|no ship).
    """,
    "island": """
        So they told the island (how bread is made|what a $trade does all day|what snow is), and it (shivered|listened with all its caves|let fall $few figs).
        @h.the taught it (a round for three voices|to play at hide and seek|the names of the saints), and by (noon|moonrise) it (had lost|had won|hummed). $heart
        They wrote a name for it in the sand, (first Hope, then Porridge|in letters a mile long), and the tide (read it|put it right|took away all but the last letter).
        It rained $birds, and the island laughed so that (the springs overflowed|they fell out of their hammocks|the clock ran the right way for an hour).
        Every evening they lit a fire of (driftwood|old letters|whale oil), and @h sang: // $refrain // And the island (hummed the last line|sighed|grew warm under their feet).
    """,
    "judge": """
        "(First|Next|Before all), the costs," $said the judge, and (ate a piece|bit off a corner|put some by). "(Who speaks for the plaintiff|Where are the witnesses|Swear on this $trinket)?"
        "On the one paw," the judge $said, "it is (clear|dark); on the other it is (not|worse). I must weigh it." And so it was (weighed, and what was over was eaten|cut in two unequal parts, and the larger made smaller).
        A (hedgehog|mole|snail) gave evidence for $span, and said that (it had been asleep|it had heard a noise, perhaps in $month|all cheese is round). "(Important|Write that down)," $said the judge, chewing.
        @b called the other a (thief|liar|heap of feathers and air), and @h called @b a (beak without a bird|weathercock|noise). "(Order|Fined)," $said the judge, "(one slice|a quarter) each."
    """,
    "servant": """
        In the morning she (shook the bed so that the feathers flew|lit $few fires|fed the $fur with a silver spoon), and down in $place $crowd said, "(It is snowing|Winter is early)." In the evening the old one told her (why the sea is salt|where the wind sleeps|the names of all the snowflakes).
        There was a room she was not to enter, and she (did not|did, and there was only a looking-glass|put flowers before the door). "(Good|Most of them look)," $said the old one, and gave her $food.
        She (sang at her work|mended a hole in the fog|polished the moon on Fridays), and the old one, who (never slept|had teeth as long as fingers|was as kind as she was ugly), (nodded|hummed along|called her child).
        Once she wept into the $cloth, and in $place it rained (warm rain|for a week|just as the barley needed it).
    """,
}
