package policy

// RememberedDevices is how many agents are remembered.
func RememberedDevices() int {
	devices.mu.RLock()
	defer devices.mu.RUnlock()
	return len(devices.names)
}
