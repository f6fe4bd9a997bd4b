namespace ProxylessMesh.Tests.Hostile;

/// <summary>Tests that measure what the whole process keeps: no other test runs meanwhile.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class MeasuredAlone;
