package manncotest

import (
	"strconv"
	"time"
)

// The page sizes of the session list.
const (
	defaultPage = 10
	maxPage     = 50
)

// list answers GET /user/ipList.
func (s *Service) list(c *call) answer {
	number, err := strconv.Atoi(c.query.Get("page"))
	if err != nil || number < 0 || c.has(FaultSamePage) {
		number = 0
	}
	size := s.pageSize(c)
	now := s.now()

	rows := s.rows(c, now)
	total := len(rows)
	marked := s.marked(c, rows)
	var shown []*session
	switch {
	case c.has(FaultEmptyList):
		total = 0
	case c.has(FaultEndlessPages) && total > 0:
		shown = invent(rows[total-1], number, size)
		total = size * 1_000_000
	default:
		from := total
		if number <= total/size { // else the product could overflow
			from = min(number*size, total)
		}
		shown = rows[from:min(from+size, total)]
	}

	values := make([]any, len(shown))
	for i, one := range shown {
		values[i] = s.row(c, one, marked[one], now)
	}
	content := object{{"values", values}}
	if n, told := s.count(c, total, number); told {
		content = append(content, field{"count", n})
	}
	if c.has(FaultShiftingRows) {
		s.shift(c.account)
	}
	return s.success(content)
}

// pageSize reads the page size under the name that the edition knows.
func (s *Service) pageSize(c *call) int {
	var text string
	switch s.variants[VariantPageSize] {
	case "perpage":
		text = c.query.Get("perpage")
	case "perPage":
		text = c.query.Get("perPage")
	default:
		text = c.query.Get("perpage")
		if text == "" {
			text = c.query.Get("perPage")
		}
	}
	size, err := strconv.Atoi(text)
	if err != nil || size < 1 {
		return defaultPage
	}
	return min(size, maxPage)
}

// rows returns what the list holds for this caller, newest first.
func (s *Service) rows(c *call, now time.Time) []*session {
	expired := c.query.Get("expire") == "true"
	switch s.variants[VariantExpired] {
	case "always":
		expired = true
	case "never":
		expired = false
	}
	if expired {
		return c.account.sessions
	}
	return c.account.live(now)
}

// marked says which rows are marked current.
func (s *Service) marked(c *call, rows []*session) map[*session]bool {
	own := map[*session]bool{c.session: true}
	for _, kind := range []FaultKind{FaultCurrentNone, FaultCurrentTwo, FaultCurrentWrong} {
		who, on := c.faults[kind]
		if !on {
			continue
		}
		if kind != FaultCurrentTwo {
			delete(own, c.session)
		}
		if kind == FaultCurrentNone {
			continue
		}
		for _, one := range rows {
			if one != c.session && (who == "" || one.Label == who || strconv.FormatInt(one.ID, 10) == who) {
				own[one] = true
				break
			}
		}
	}
	return own
}

// count returns the count that a page states, and whether it states one.
func (s *Service) count(c *call, total, page int) (any, bool) {
	n := total
	if value, lies := c.faults[FaultCountLies]; lies {
		n, _ = strconv.Atoi(value)
	}
	switch s.variants[VariantCount] {
	case "first_page":
		return n, page == 0
	case "wrong":
		return n + 7, true
	case "changing":
		return n + page, true
	case "string":
		return strconv.Itoa(n), true
	case "absent":
		return nil, false
	}
	return n, true
}

// invent makes a page of a list that never ends: rows that look like the
// oldest real one, each with an id of its own.
func invent(like *session, page, size int) []*session {
	const firstID = 1 << 40
	out := make([]*session, size)
	page = min(page, 1<<30)
	for i := range out {
		n := page*size + i
		one := *like
		one.ID = int64(firstID + n)
		one.last = like.last.Add(-time.Duration(n) * time.Second)
		out[i] = &one
	}
	return out
}

// shift lets one more session sign in, so that the rows move on by one while
// the pages are being read. It looks like the oldest session of the account.
func (s *Service) shift(a *account) {
	live := a.live(s.now())
	if len(live) == 0 {
		return
	}
	like := live[len(live)-1]
	s.signIn(a, SessionSpec{
		Label: "shift", Address: like.Address, Location: like.Location, ISP: like.ISP, UserAgent: like.UserAgent,
	})
}
