"""Sources of pages, dated lists, series and forecasts: one file each, all behind `agents.providers.base`."""
