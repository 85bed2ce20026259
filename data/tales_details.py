"""Passages that fill the roads and rooms of a tale: seldom the same sentence twice."""

PASSAGES = """
    $road $person_does $beast_does $thought
    ---
    $house $on_shelf $person_does
    ---
    $sky $beast_does $person_does (|$beast_does)
    ---
    In $place $person_does_low $rumour $rumour_two $market
    ---
    {o:poor}{p=$place}On the way @h.the fell into talk with @o.a, who was called @o and came from @p. $exchange $exchange (|$person_does)
    ---
    $memory $thought $sky
    ---
    $rumour $crowd_believes $wisdom
    ---
    $market $haggle
    ---
    {o:wise}{s=$spot}By the @s @h.the met @o.a, and they (shared|divided|ate) $food. "$wisdom_said" said the @o.noun $softly. $exchange $on_shelf
    ---
    $song_intro // $song // $thought
    ---
    $sign $road $beast_does
    ---
    @h.the counted what was left: $pocket, $pocket, and $pocket. $memory (|$thought)
    ---
    {g=$trinket}$beast_does $beast_does $person_does $exchange
    ---
    $house $sleep $night_thing
    ---
    It was the day of $feast_day in $place. $person_does $person_does $market $beast_does
    ---
    {c:child}A child called @c (ran|skipped|hopped) beside @h.him for a mile and would not stop asking. $exchange $exchange "And $why_ask" But to that @h.the (had no answer|said nothing|could only shake @h.his head).
"""

DETAILS = {
    "wander": """
        $passage // $passage // $passage // $passage // $passage
        $passage // $passage // $passage
        $passage // $passage // $passage // $passage
    """,
    "person_does": """
        A (|$trait )$trade $was_doing $where.
        (Two|Three|Four) ($trade_s|$trade_s|women|soldiers|girls) $were_doing $where, and (one of them|the youngest|the eldest) (wore|carried|was looking for) a $colour $garment.
        ^$where sat a $trade's (wife|mother|aunt|uncle|grandfather) with a $garment of $colour $cloth, (mending|unpicking|holding up|selling) it stitch by stitch and talking to the $fur.
        A (|$trait )$trade from $place, $name_m by name, $was_doing $where and (sang|swore|whistled|sneezed) (without a pause|under his breath|in three languages|as if he were paid for it).
        $name_f the $trade_f $was_doing $where, (with her sleeves rolled up|with a baby on her back|in her husband's boots|as if the house were on fire).
        ^$where a (boy|girl|monk|beggar|sailor) was trying to (teach|sell|explain) a $useful to a $adj_beast $fur.
    """,
    "person_does_low": """
        a $trade $was_doing $where.
        $name_f the $trade_f $was_doing $where, and (nobody|everybody|only the $fur) (watched|helped|minded).
        the bells were ringing, because a $trade had (married|buried|forgiven) a $trade's (daughter|mule|brother).
        they were (painting|burying|blessing|arguing over) a $adj_wild_thing $object.
    """,
    "was_doing": """
        was $mending a $object
        was carrying a $object and $few $stuff
        stood and scolded a $fur
        sat asleep beside a $object
        was counting $stuff into a $object
        was cutting $tree twigs for a $object
        was washing a $colour $garment
        had dropped a basket of $stuff
        was looking for a lost $trinket
        was teaching $few children to count in $stuff
        was weighing $stuff against a $metal $trinket
        was writing a long letter to $place
        was quarrelling with $crowd about a $object
    """,
    "were_doing": """
        were $mending a $object
        were pulling a $object out of the mud
        were dividing $food
        played cards for $stuff
        danced to a $metal $trinket
        were measuring the shadow of a $object
        argued about the price of $stuff
        were burying something small
        carried a $object between them
    """,
    "where": """
        (beside|behind|in front of|under|near) the $spot
        on the steps of the $spot
        in the doorway of the $spot
        (beside|behind|inside) a $object
        at the edge of the $wild
        under $a_tree
        in the middle of the road
        (above|below) the mill race
        between two $tree trees
        on the road to $place
        among the $flower
        in the shade of a $object
        on the roof of the $spot
    """,
    "beast_does": """
        A $adj_beast $fur $beast_act $where.
        ^$few $birds $birds_act $where, and (then|at once|for no reason) (flew off towards $place|fell silent|began again).
        ^$where $few $beasts $beasts_act, as if (it were Sunday|they were waiting for someone|they had been told to|nobody had ever thrown a stone).
        The $birds $birds_act over the $spot, and (below them|in the $wild|far off) a $fur $beast_act.
        A $fur and a $fur (sat|stood|walked) side by side $where, like (an old couple|two judges|thieves|brothers), and (did not greet anyone|nodded|looked up as one).
    """,
    "beast_act": "washed its ears\nlooked up and thought better of it\nslept with one eye open\ncarried off a $garment\ndrank from a puddle\nwas eating somebody's $stuff\nstood as still as a post\nchased its own shadow\nlooked for its young\nscratched at the ground\nsniffed at a $useful\ncrossed from left to right\nlay in the sun",
    "beasts_act": "grazed\nstood in a ring\ndrank\nlay asleep\nlooked the same way\ncrossed the road\nfought over $stuff\nchewed and chewed\nplayed like children",
    "birds_act": "called\nquarrelled\nsat in a row\ncircled three times\nwere building\npicked at the $stuff\nscolded a $fur\nturned like a wheel\nfollowed the plough\nrose like smoke",
    "thought": """
        "If a $trade can (cross|forget|cure|outlive) $far," thought @h.the, "then so can I; and if not, there is always $food."
        @h.the wondered whether (the $birds|the $trade|anyone in $place|a $fur) had ever felt such $feeling, and (decided not to ask|thought it likely|walked faster).
        "^$few $stuff," thought @h.the, "and one $trinket, and (the sea|my mother|winter) still to come. (It does not add up|That makes a poor sum|I have known worse company|Somebody should write it down)."
        It seemed to @h.him that the $wild (had grown|leaned closer|remembered something), and that the $object $where had not been there before.
        @h.he would have given $few $stuff for a $garment, and all the $stuff in $place for a word from home.
        Nothing is so (long|quiet|heavy|strange) as a $wild in $month, when one has a $useful for company and $feeling for a pillow.
        @h.he tried to think of the $trinket, but could only think of $food.
    """,
    "memory": """
        @h.he remembered the $season when the $trade of $place lost his $object, and $crowd (searched the $wild|laughed|prayed) for $span.
        At home, in $month, they would be (salting|counting|drying|carrying in) the $stuff now, and someone would be (singing|scolding the $fur|lighting the lamp $where).
        @h.his (grandmother|uncle|first teacher) had owned a $metal $trinket once, and had (lost it at cards|traded it for a $object|been buried with it|never let anyone touch it).
        When @h.he was small, a $trade had told @h.him that the $birds were really (kings|letters|lost $stuff|drowned sailors), and @h.he had (believed it|wept all night|asked them).
        There had been a song about a $fur and a $trinket, and @h.he (knew only the middle|had forgotten the tune|hummed it now without noticing).
        Once, at the fair in $place, @h.he had seen a $fur that could (count to $few|tell the weather|bow to a $ruler_word|walk on its hind legs), and it had looked at @h.him with such $feeling that @h.he never forgot it.
    """,
    "rumour": """
        In $place, they said, a $fur had been born with (two tails|a human voice|horns of $metal|the face of the mayor).
        A $trade from $place swore that (the moon|a $object|the old bishop) had fallen into the $spot, and that $few men could not pull it out.
        It was said that the $trade's (wife|widow|son) had (sold|swallowed|married|found) a $metal $trinket and now (spoke nothing but Latin|slept all day|saw through walls|could not stop dancing).
        There was news of (a war|a wedding|a flood|a comet|a new tax on $stuff) in $land, but (no one knew who was winning|it was last year's news|nobody there had heard of it).
        The price of $stuff had gone (up|down) again, on account of (the $birds|the late queen|a shipwreck off $place|too much $feeling at court).
        A $ruler_word in $land had (forbidden|invented|lost|fallen in love with) the $trinket, and all the $trade_s were (out of work|dancing in the streets|moving to $place).
        The ghost of a $trade had been seen $where, (asking for $drink|looking for his $garment|counting $stuff|as polite as you please).
    """,
    "rumour_two": """
        "(Nonsense|Stuff|Old news)," said a $trade, "it was a $object, and it was in $place."
        "(So much the worse|All the better) for the $trade_s," said $name_m the $trade.
        Nobody (laughed|believed it|was surprised), for (stranger things|worse things) had happened there in $month.
        (Half of it was true|It was all true) but for the $trinket.
    """,
    "crowd_believes": """
        The $trade_s believed it, the $trade_s did not, and (between them|meanwhile) the $fur ate the $stuff.
        $name_f the $trade_f had it from her $kin, who had it from a $trade, who was (never sober|never wrong|in love).
        "(Fancy|Well now|Think of that)," said $name_m the $trade, and (cut himself a slice of cheese|went to tell his $kin|bit his pipe in two).
    """,
    "wisdom": """
        Better a $object of one's own than $few $stuff in the hands of a $trade.
        Who (sits|sleeps|sings) with $trade_s must not complain of the $stuff.
        A $fur in the $room is worth two in the $wild.
        When the $birds $birds_act, (wise men mend their roofs|the $trade shuts his door|it is time to sell the $stuff).
        There are three things no one can (hide|borrow|hurry): $feeling, a $object, and a $trade on his way to dinner.
        Every $object has two ends, as the $trade said when he (sat on it|fell off it|sold it for the third time).
        One does not go to the $trade for $stuff, nor to a $fur for $feeling.
        A $trade without a $trinket is like a $object without a $spot.
    """,
    "wisdom_said": """
        Never lend a $object to a $trade,
        Love is a $metal $trinket: one must keep it dry,
        I have buried $few husbands, or $few cousins at least, and none of them could cook,
        If you meet a $fur in $month, bow,
        The dead like $flower, and the living like $food,
        $feeling is a poor horse, but it knows the way home,
        A $trade told me once that the world is a $object, and I have seen no reason to doubt it,
        In $place they throw nothing away but their $stuff,
    """,
    "exchange": """
        "What do (they|people) eat in $place?" "^$food, and on Sundays $food," was the answer.
        "Is it far to $place?" "(A day|A week|Half a life|Two songs) from here, if (the $object holds|the $birds are right|you do not stop for $drink)."
        "Have you ever seen a $metal $trinket?" "I had one once, and (sold it to|swapped it with|lost it to) a $trait $trade for $stuff."
        "Who lives in that $adj_spot $spot?" "(That would be|Nobody but|It belongs to) $name_m the $trade, who (never sleeps|keeps $beasts|went to $land and came back with a $trinket|has not spoken since $month)."
        "Why do the $birds never come here any more?" "(Ask|It was the fault of) the $trade who (shot at|sang to|preached to) them from a $object."
        "How does one become a $trade?" "One (learns it|is born to it|falls into it) $where, with a $useful and a great deal of $feeling."
        "What is (the cure for|the price of|the use of) $feeling?" "(In $place they take|My $kin swore by|There is nothing like) $food, and then $food."
        "Are there $beasts in $land?" "(So many|So few) that every $trade must (feed one|carry one|count them on Fridays)."
        "Did you hear about the $trade and the $object?" "I was there. (He is the $object now|They had to send for a $trade|It took $few men and a $fur)."
        "What did you pay for that $garment?" "(Too much|Nothing|A year of my life). It came with a $fur and $few $stuff."
        "Do you know the one about the $fur and the $trade?" "(It was my $kin who told it first|I was the $fur|Not before supper|Yes, and the ending is sad)."
        "Which is stronger, $feeling or $feeling?" "Ask a $trait $trade, or ask me again in $month."
        "What is in the $object?" "(^$stuff, mostly|My $kin|A $fur, I hope|The less you know, the better)."
        "Is it true what they say of $place?" "That they (bury their $stuff|name their $stuff|bow to a $fur)? It is (half true|worse|true, but only in $month)."
        "Whom do you like best in the world?" "My $kin, a certain $trade, and a $fur who (died|moved to $place|does not know it)."
    """,
    "why_ask": """
        why is the $trinket not a $trinket?
        who was the first $trade?
        where do the $birds go when they are not looking?
        why are you sad?
        what is behind $far?
        does the $fur know that it is a $fur?
    """,
    "market": """
        The stalls were full of $stuff, $stuff and $stuff, and (over them|between them) hung the smell of $smell and $smell.
        One could buy a $object there, or a $metal $trinket, or $food, or (a tooth of a saint|the hand of a $trade's daughter|a fortune told from $stuff).
        "(Fresh|Cheap|Blessed) $stuff!" cried a $trade. "$stuff, as (fine|good|round) as in $land!"
        A $trade gave $few $stuff for a $object, and (thought himself lucky|wept|was cheated), and a $fur (got away with the $stuff|slept through it all).
    """,
    "haggle": """
        "How much for the $object?" "^$few pence." "(For that|So much|In what money)? (It has a hole in it|A $fur has slept in it|One side is missing)." "(The hole|That|The $fur) (costs nothing|is the best part|came from $land)." And they shook hands on (half|it|$few $stuff and a $useful).
        "Is this $garment (wool|silk|new)?" $asked @h.the. "It was (a bishop's|a queen's|my late $kin's)," said the $trade. "(Did it fit him|Was it a small man|And where is he now|And did he die in it)?"
        @h.the tried on a $colour $garment, (looked at it in a puddle|turned round twice), and (gave it back|wished for winter|bought a $useful instead).
    """,
    "house": """
        The house had $few windows, a $colour door, and a roof of ($tree bark|old sails|turf|blue slate|straw), and it smelt of $smell and $smell.
        They gave @h.him the $room to sleep in, where $stuff and a $object stood to the ceiling and a $fur (had the bed|kept the accounts|sighed in the wall).
        It was the $room of a $trade: $stuff in one corner, a $object in the other, and over the door a $metal $trinket against (the evil eye|draughts|mice and bishops).
        Nobody had dusted the $room since (the old queen died|the flood|the wedding), and the $stuff lay $where_in as if (asleep|someone had just got up|under snow).
    """,
    "where_in": "under the table\non the sill\nround the hearth\nbehind the stove\nbeneath the bed\nalong the walls",
    "on_shelf": """
        On the shelf stood a $metal $trinket, $few $stuff, and a jar labelled (Regrets|Salt|Thunder|Tuesday|Do Not Open|$place).
        In the window hung a $garment of $colour $cloth, and beneath it a $fur was sleeping in a $object.
        Over the hearth someone had carved a $fur, a $trinket, and the words: (Sit down|Be quick|Who was here before you|We owe nothing|Trust the $birds).
        There were $stuff everywhere, and in the midst of them a $object with (one leg|a lock|a crown painted on it|somebody's name).
    """,
    "sign": """
        On a board was painted: $place, $few miles; $land, farther; (beware of the $fur|no $trade_s|$food to the left|you have been warned).
        A stone by the road said that here $name_m the $trade had been (killed by a $object|struck by love|robbed of his $stuff|happy, once).
        Somebody had tied a $colour $garment to $a_tree, to show (the way|that there was sickness|that the $trade was at home|which way the wind blew).
    """,
    "night_thing": """
        In the night something (rolled|crept|tapped|hummed) $where, and it was (only a $fur|the $object settling|not there in the morning|a $trade walking in his sleep).
        Towards morning @h.he heard $birds, and a voice that said clearly, "^$few, $few, and the $trinket."
        All night the $object creaked, and a $fur $beast_act (overhead|by the door|in @h.his dream).
    """,
    "pocket": "a $useful\na $metal $trinket with a dent in it\n$few $stuff\nhalf a $garment\na $colour button\na letter from $place\nthe key to a $object\na lock of hair\na pinch of $smell\na $trade's promise",
    "feast_day": "Saint $name_f\nSaint $name_m\nthe $stuff\nthe $trade_s\nthe Blessing of the $beasts\nthe Burning of the $object\nthe drowned\nthe first $flower",
    "song_intro": """
        ^$where a $trade was singing:
        $name_f the $trade_f had a song for such weather:
        A voice came from behind the $object:
        And @h.the sang, to the tune of the $trade and the $fur:
        The children of $place danced in a ring and sang:
    """,
    "song": """
        "The $trade went to $place (one day|in May|to pray), / with $stuff to sell and $stuff to (pay|weigh|give away); / he met a $fur (upon the way|asleep in the hay|as big as a dray), / and (never came home, so they say|there he lies in the clay|that is all I was told to say)."
        "O who will buy my $stuff of (me|three), / my $metal $trinket, my (bell|key) from the (sea|$tree tree)? / I (walked|sailed) to $place to see what I could (see|be), / and the only one there was a $fur like (me|thee)."
        "There was a $fur came out at night, / the (wild|road|snow) was $colour, the $object was white; / it (took|gave) the $trade such a (bite|fright) / that he (ran|danced|swam) until the morning light."
        "$name_f went out in the (rain|lane), / with a $metal $trinket upon a chain; / she looked for $name_m again and again, / and (found him|lost him|kissed him) (in Spain|by the windowpane|on the harvest wain)."
        "(Heigh|Ho) for the $stuff, and (heigh|ho) for the $tree, / the $birds have (married|robbed) the (bumblebee|queen of the sea); / one $trade must (pay|dance), and another go free, / and nobody asked the likes of me."
        "I (wore|sold) the old $garment my grandmother sent, / I lost it where the (river|money|summer) went; / I asked a $fur what the (weather|wisdom|Bible) meant, / and it (ate|spent) my last (penny|turnip) and slept content."
        "At $place the $stuff are (dear|cheap) and (cold|old), / and hearts are (bought|hired) and $birds are sold; / I (gave|swapped) my $trinket for (silver|kisses) and gold, / and now I am (wiser|poorer|merry), and (nearly|twice as) old."
    """,
}
