"""Plots in which somebody called h is wise or foolish at home, or strikes a bargain."""

FOLLIES = """
    {h:poor}{i:spirit}{r:rich}{g=$trinket}# The @i.noun and the @g

    $once $saw

    (One evening|In the hungry month|On the eve of the fair) @h.the (found|dug up|was given) an old @g, and when @h.he (rubbed|blew on|dropped) it there stood @i.a. "(At last|Three hundred years|Mind my toes)!" @i.he $said. "I will bring you whatever you name, until you name a thing (twice|you do not need|I cannot find)."

    First @h.the asked for $food; then for (a roof that did not leak|shoes|firewood); then for (a cow|a clock|a second chair). And the @i.noun brought all of them (through the chimney|wrapped in $cloth|with a receipt).

    $gossip

    $wander

    Next door lived @r.a, whose name was @r. @r.he (bored a hole in the wall|hid in a barrel|climbed into the $tree) and saw (it all|how it was done), and $when @r (borrowed|stole) the @g while @h.the was at (church|market|the well).

    "Bring me gold," said @r. "(How much|Where do you want it)?" $asked the @i.noun. "(More|Until I say stop)," said @r; and then (could not say it, for @r.his mouth was full of coins|there was no room left to say it in|the floor gave way).

    $sky They dug @r out with (spades|spoons) $when, quite flat and (rather humble|no wiser). "(Take it back|I never want to see it again)," $said @r.

    $wander

    "Is there (nothing else|anything more) you want?" the @i.noun asked @h.the. "(Yes|One thing)," said @h. "What do you want?" (Nobody had ever asked @i.him that|^@i.he had never been asked|In three hundred years that was a new question). The @i.noun (thought for a week|wept|turned pink) and said $softly, "To (sit by a fire|be called by a name|go home to $land)."

    So @h.the (gave @i.him a chair|broke the @g|called @i.him after @h.his grandfather), and (that was the last wish|@i.he never granted another wish, and was happy). $end
    ---
    {h:poor}{r:rich}# How @h Swapped a Cow for the Moon

    $once In all the world @h.the had nothing but a (cow|pig|goat|three-legged horse).

    "Sell it," said the one who kept house with @h.him, "and (do not be cheated|get a good price|come home sober)." $sky

    On the road @h.the met a man with a (sheep|fiddle|sack of $stuff). "(What a fine animal|That is worth two of mine)," $said the man. "(Let us swap|Will you swap|Mine for yours)." And (they swapped|it was done|they shook hands on it|so they did).

    $wander

    Next came a woman with a ($useful|goose|clock without hands). $swap_talk And (they swapped|it was done|they changed and parted|that was that).

    At the $spot stood a (soldier|monk|schoolmaster) with $a_useful. $swap_talk And (they swapped|it was done|they changed and parted|that was that), and @h.the (whistled|thought @h.himself no end of a fellow).

    $wander

    $episode

    $wander

    By evening there was only (a bag of rotten apples|a button|a good story) left, and this @h.the swapped with a child for (the moon in a bucket|the moon, which lay in a puddle|a look at the moon through a keyhole).

    At the inn of $place sat @r.a. "They will (scold you|beat you with a broom|throw you out) at home," said @r. "They will (kiss me|say I did right)," $said @h.the. "I bet you a (bushel|barrel|hatful) of gold." "(Done|Here is my hand|Put it in writing|Make it two)!"

    (So they went home together|They went home and stood before the door|The whole inn came along to see). "I swapped the beast for another," said @h. "(Good|Clever), it ate too much." "And that for less, and that for less again." "Less to (carry|dust|feed)." "And the last for the moon." "(At last|Now), we can (see what we eat|save the candles)," said they at home, and kissed @h.him.

    So the gold was won fairly, and they (bought back the cow|spent it on candles|put the bucket by the door). $saw $end
    ---
    {h:young}{c:ruler}# Clever @h and the Foolish Law

    $once Now those parts were ruled by @c.a named @c, who was $vice and made laws as others make (puddings|excuses). One said that ($birds must pay rent|nobody might sneeze in $month|everyone must owe a $trinket|the old must be carried to the hill and left).

    $wander

    @h.the (would not|forgot|laughed), and was fetched before @c.

    "You are called clever," $said @c. "Come to me neither (by day nor by night|naked nor clothed|riding nor walking), with a gift that is none, or (hang|pay|go into the tower)."

    $when @h.the came: (at dusk|in a fishing net|with one foot on a goat), and in @h.his hands a (bird|moth) that flew away as it was given. $crowd (cheered|stared).

    "Then (spin me a rope of sand|weave a sail from one flax stalk|hatch me chicks from boiled eggs)," $said @c. "Gladly," said @h, "as soon as you (show me a yard of it for a pattern|make me a loom from one splinter|sow me boiled barley and reap it)."

    @c bit @c.his lip. "(Once more|A last thing). Go and (fetch me what I have lost|bring me my best friend and my worst enemy|find out what my people say at night)."

    $wander

    $episode

    $wander

    $episode

    $wander

    "They say," $said @h.the, "that there was once a (good|young) @c.noun here who (knew their names|danced at weddings|ate onions with the ploughmen), and they ask (where that one has gone|each other when that one will come back)."

    Then @c was silent for so long that (a swallow flew in and out|the ink dried|the guards sat down). "(Burn the book|Strike out the law)," @c.he $said at last. "And you shall be my (judge|steward|chancellor), for I need one who (says no|comes at dusk)."

    $gossip $end
    ---
    {h:beast}{b:bird}{f:beast}# The @h.noun Who Went to Law

    In the $adj_wild $wild by $place lived @h.a, who was $virtue, and near by @b.a, who was $vice. $sky

    $wander

    They had (sown a field|found a cheese|built a boat) together, and when it was time to share, (there was one piece over|neither could count). "The top half is mine," $said @b. "Then I have the bottom," $said @h. And (the first year it was turnips|the first year it was barley), and somebody was angry.

    "(We will go to law|Let a judge decide)," they said, and went to @f.a, who sat (on a stump|in a $spot|behind a book held upside down).

    $wander

    $judge

    $judge

    $road

    $wander

    When the judge had finished, there was (no cheese|nothing but the rind|a bill) left. "Justice," $said the judge, and (licked a paw|closed the book|went for a nap), "is (served|tired|heavy work)."

    @h and @b looked at each other. "(We are two fools|You have crumbs on your chin and you had none of it)," $said @b. "(Next year we will share with our eyes shut|I never liked cheese|Let us go fishing)," $said @h.

    $supper $saw

    That is why ($birds and $beasts|they) do not (go to law|quarrel in $month), but (settle it with a song|spit on a stone); and men, who (taught them|never listened), still do. $end
    ---
    {h:youth}{d=an old gentleman in grey}{k:ruler}{mood=eerie}# The Godfather of @h

    There was a poor $trade who had (twelve|thirteen) children and no godfather left in $place for the last, a @h.child named @h. So he went out on the road, and there came @d, (thin|polite|with very cold hands). "(I take rich and poor alike|I make all equal)," said he. "(I will hold the child|Let me stand for the child|Give it here)." (And that was Death|It was Death, of course|The priest, who knew Death when he saw him, spilled the water). $sky

    When @h was grown, the godfather came (to the birthday|through the closed door). "(Here is my gift|I have brought you something|I am late with my present). You shall be a doctor. If you see me stand at the head of the bed, (give the sick this herb|say they will live), and it will be so; but if I stand at the feet, they are mine. And do not (cheat me|be clever)."

    $wander

    Soon there was no doctor more famous from $place to $land. @h.he (rode in a coach|cured the bishop's toe|never sent a bill to the poor).

    $wander

    $episode

    Then @k fell sick, and the grey one stood at the feet. @h.the (thought of $place, which would have a worse ruler|saw @k.his children weep|remembered a kindness). $heart "Turn the bed round," @h.he said; and so Death stood at the head, and @k (sneezed|asked for $drink|lived).

    "Once," said the godfather $softly, and (raised a finger|looked older). "(Not twice|Never again|The next will cost you dear)."

    $wander

    $inner_frame

    But the second time it was (a child|@h.his own true love|the one who had taught @h.him to read). And @h.the turned the bed.

    Then the godfather took @h.him by the hand and led @h.him under the hill, where candles burned, (more than leaves in the wood|row upon row, tall and short|each with its own small sound). "(Which is mine|Show me mine)," said @h. It was (a stump|a drop of wax with a blue flame). $heart

    "(Set it on a new one|Light another from it)," begged @h.the. "(I cannot|That is not allowed|Everyone asks that)," said Death. "But I am (old|an old fool|your godfather), and my hand shakes." And it shook, (who knows whether on purpose|as if by chance), so that the flame (leapt|fell) upon a (tall|white|fresh) candle, and there it burns. $end
    ---
    {h:young}{q:poor}{g=$trinket}{p=$place}# Two Makers of @p

    In @p there were two who made things: @q, who was @q.a, and @h, who was @h.a and $virtue. Whatever the one made, the other (made better|made smaller|hung a bell on), and (the town was full of wonders|nobody got any sleep).

    @q made a (bird of tin that sang|loaf shaped like the church|boat that rowed itself). @h made (a tin cat that listened|a mouse of $cloth that ate it|a wind-up tide). $gossip

    $wander

    $sky Then word came that (the queen of $land|the old duke) wanted a @g (for a child who could not laugh|that would tell when someone was lying|such as the world had not seen), and would pay its weight in gold.

    "(Mine will be bigger|I shall use only (silver|ivory|steel and moonlight))," $said @q. @h said nothing, and $when went to look for (a thing not yet thought of|the right piece of $tree|advice).

    $wander

    $episode

    $wander

    $episode

    @q's @g (shone like a wedding|had nine wheels and a key|weighed as much as a calf), and when it was wound up it (broke a window|played a march|recited the names of kings). The child (yawned|hid|looked at it politely). @h's was (plain|no bigger than a plum|made of $tree and thread). "What does it do?" $asked the child. "(Nothing|I do not know)," said @h, "(until you do|it is waiting to be told)."

    Then the child took it into the garden, and was not seen till supper, and came back (muddy|singing|laughing).

    They weighed it against the gold, and it was (light|worth a spoonful). "(So little|Is that all)?" $asked @q, (ashamed|astonished). "Half of it is yours," $said @h.the, "for (without you I should never have been any good|I stole your hinge)." After that they worked at one bench, and (argued all day|the town had to buy ear-plugs|were very happy). $end
    ---
    {h:girl}{w:wise}{x:sister}# Mother Frost and Her $spot_title

    $once @h.his stepmother had a daughter of her own, @x, who was $vice; and all the (work|blame) was @h's and all the (cake|praise) was for @x.

    One day @h (dropped the spindle down the well|was sent into the snow for strawberries|lost the goose). "(Fetch it|Go and look), and do not come back without it!" So she (jumped|went), and fell, and (it was not dark below|there was a meadow at the bottom, full of $flower).

    $wander

    An oven called, "(Take us out|We are done)!" and it was full of bread. (She took it out|She took out every loaf and set it to cool|So she burned her fingers, but saved the bread). A $tree called, "(Shake me|I am ripe)!" (She shook it|She shook it until not one was left|She shook it gently and piled them in a heap). $sky

    Then she came to a house where @w.a looked out. $heart "(Do not be afraid|Come in, child). If you (shake my feather bed till it snows in $place|keep the fire and feed the $fur|count my $stuff and are never bored), it shall go well with you."

    $wander

    $servant

    $servant

    $sleep At last @h was homesick. "That is as it should be," $said the old one, and led her to the gate; and as she went through (gold|silver|a rain of $flower) fell on her and (stuck|clung to her hair|filled her apron). "(The cock crowed|The dog barked): our (golden|good) girl is home!"

    $wander

    "I want that as well," said @x, and threw the spindle down and herself after it. The bread she let burn ("I should only get dirty"), the tree she let stand ("One might fall on my head"), and in the house she (slept till noon|broke the cups|told the cat lies). And when she went through the gate, there fell on her (pitch|soot|feathers and glue|frogs), and (it took $few years to wash off|some of it is there yet).

    "(Come here|Sit still)," $said @h, and fetched the (soap|comb|warm water). (For that was how she was|It was no trouble, she said|Sisters are sisters). In the end even @x (learned to get up|said thank you|baked bread). $end
"""
