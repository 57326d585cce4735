"""Whether a DICOM NM object is right: dciodvfy's judgement, and what dciodvfy does not see."""
