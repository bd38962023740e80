// Package channeltest simulates the services behind the channels other than
// Slack: [Server] those that speak HTTP, and [Mail] a mail server. They are as
// strict as the services are, keep what they took, and fail when they are told
// to. Tests use them in memory or on loopback.
package channeltest
