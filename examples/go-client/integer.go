package main

import (
	"fmt"
	"math"
	"strconv"
)

// mostInteger is the largest integer that every JSON parser reads exactly (ENV-5).
const mostInteger = 1<<53 - 1

// integer is an integer of the protocol. JSON may write it with a fraction of zero or with an exponent: 11.0 and 1.1e1 are the integer 11.
type integer int64

func (n *integer) UnmarshalJSON(text []byte) error {
	number, err := strconv.ParseFloat(string(text), 64)
	if err != nil || number != math.Trunc(number) || math.Abs(number) > mostInteger {
		return fmt.Errorf("%s is not an integer of at most 2^53-1", text)
	}
	*n = integer(number)
	return nil
}
