using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>What active checks say of one endpoint. It outlives pushes; an endpoint that is checked begins as failing (Envoy).</summary>
internal sealed class ActiveHealth
{
    private readonly Lock _lock = new();
    private Check[] _checks = [];
    private volatile bool _failing;

    /// <summary>One of its checks fails, or has not been made yet.</summary>
    public bool IsFailing => _failing;

    /// <summary>From now on there are so many checks; those that were known before keep their state.</summary>
    public void Expect(int checks)
    {
        lock (_lock)
        {
            var known = _checks;
            if (known.Length != checks)
            {
                _checks = new Check[checks];
                for (var i = 0; i < checks; i++)
                {
                    _checks[i] = i < known.Length ? known[i] : new Check();
                }
            }

            _failing = Array.Exists(_checks, static check => check.Failing);
        }
    }

    /// <summary>Takes the result of a check.</summary>
    /// <returns>Whether <see cref="IsFailing"/> changed.</returns>
    public bool Settle(int index, CheckResult result, HealthCheckConfig config)
    {
        lock (_lock)
        {
            if (index >= _checks.Length)
            {
                return false;
            }

            _checks[index].Settle(result, config);
            return SetFailing(Array.Exists(_checks, static check => check.Failing));
        }
    }

    /// <summary>The endpoint itself said that it is about to go: it is out until its checks pass again.</summary>
    /// <returns>Whether <see cref="IsFailing"/> changed.</returns>
    public bool Fail()
    {
        lock (_lock)
        {
            foreach (var check in _checks)
            {
                check.Fail();
            }

            return _checks.Length > 0 && SetFailing(true);
        }
    }

    private bool SetFailing(bool failing)
    {
        var changed = _failing != failing;
        _failing = failing;
        return changed;
    }

    /// <summary>One check's results in a row.</summary>
    private sealed class Check
    {
        private bool _isKnown;
        private int _passes;
        private int _failures;

        public bool Failing { get; private set; } = true;

        public void Settle(CheckResult result, HealthCheckConfig config)
        {
            if (result == CheckResult.Passed)
            {
                // The first result of all decides alone, so that starting takes no longer than it must (Envoy).
                _failures = 0;
                Failing = Failing && _isKnown && ++_passes < config.HealthyThreshold;
            }
            else
            {
                // An answer that says "not well" counts at once; silence may be an accident (Envoy).
                _passes = 0;
                Failing |= result == CheckResult.Refused || ++_failures >= config.UnhealthyThreshold;
            }

            _isKnown = true;
        }

        public void Fail()
        {
            _isKnown = true;
            _passes = 0;
            Failing = true;
        }
    }
}

/// <summary>How a check ended.</summary>
internal enum CheckResult
{
    Passed,

    /// <summary>The endpoint answered that it is not well.</summary>
    Refused,

    /// <summary>No connection, no answer, or none in time.</summary>
    Unreachable,
}
